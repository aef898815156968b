"""The confusion picture: which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence

from littoral.report.markup import hint, label, line, picture, tag

Matrix = Sequence[Sequence[int]]

WIDTH = 640.0

_LONG_LABELS_FROM = 3
_MANY_CLASSES = 12


def confusion(matrix: Matrix, labels: Sequence[str]) -> str:
    """A heat map: rows are what it was, columns what the model said.

    The diagonal's strength is the share of the class that was found. Off the diagonal the strength
    is the square root of the share, so that a single mistake still shows.

    Args:
        matrix: Counts, square.
        labels: One a class.

    Returns:
        An SVG.
    """
    order = reading_order(matrix, labels)
    rows = [[int(matrix[true][said]) for said in order] for true in order]
    names = [labels[index] for index in order]
    left = 14 + 6.6 * max(map(len, names))
    cell = min(46.0, (WIDTH - 46 - left) / len(names))
    top = 24 + (_tilted(names, cell) or 12.0)
    side = cell * len(names)
    background = tag(
        "rect", x=left, y=top, width=side, height=side, class_="cell", fill_opacity=0.45
    )
    worst = max(
        (n / max(1, sum(row)) for t, row in enumerate(rows) for s, n in enumerate(row) if t != s),
        default=0,
    )
    cells = [
        _cell(left + said * cell, top + true * cell, cell, rows[true], true, said, names, worst)
        for true in range(len(names))
        for said in range(len(names))
        if rows[true][said]
    ]
    return picture(
        WIDTH,
        top + side + 8,
        "Confusion: rows are the true class, columns the prediction",
        background,
        *_rules(left, top, cell, len(names)),
        *cells,
        *_names(left, top, cell, names),
        *_found(left + side, top, cell, rows),
    )


def reading_order(matrix: Matrix, labels: Sequence[str]) -> list[int]:
    """The order of classes in the picture.

    Few classes and those known by a sign (letters, digits) keep their order, because that is how
    one looks them up. Many classes with names are put next to what they are confused with, by
    joining the chains of the most confused pairs, so that relatives form blocks on the diagonal.

    Args:
        matrix: Counts, square.
        labels: One a class.

    Returns:
        Every index once.
    """
    count = len(labels)
    if count <= _MANY_CLASSES or max(map(len, labels)) < _LONG_LABELS_FROM:
        return list(range(count))
    pairs = [
        (matrix[a][b] + matrix[b][a], a, b)
        for a in range(count)
        for b in range(a)
        if matrix[a][b] + matrix[b][a]
    ]
    chain_of = {index: [index] for index in range(count)}
    for _, a, b in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        _join(chain_of, a, b)
    chains = {id(chain): chain for chain in chain_of.values()}
    return [
        index for chain in sorted(chains.values(), key=lambda c: (-len(c), c)) for index in chain
    ]


def most_confused(
    matrix: Matrix, labels: Sequence[str], count: int
) -> list[tuple[str, str, int, int]]:
    """The commonest mistakes.

    Args:
        matrix: Counts, square.
        labels: One a class.
        count: At most so many.

    Returns:
        True class, predicted class, how often, out of how many; the commonest first.
    """
    mistakes = [
        (labels[true], labels[said], int(number), int(sum(row)))
        for true, row in enumerate(matrix)
        for said, number in enumerate(row)
        if true != said and number
    ]
    return sorted(mistakes, key=lambda entry: -entry[2])[:count]


def _join(chain_of: dict[int, list[int]], a: int, b: int) -> None:
    """Join two chains where both classes are at an end of theirs."""
    first, second = chain_of[a], chain_of[b]
    if first is second or a not in (first[0], first[-1]) or b not in (second[0], second[-1]):
        return
    if first[-1] != a:
        first.reverse()
    if second[0] != b:
        second.reverse()
    first.extend(second)
    for index in second:
        chain_of[index] = first


def _cell(
    x: float,
    y: float,
    size: float,
    row: Sequence[int],
    true: int,
    said: int,
    names: Sequence[str],
    worst: float,
) -> str:
    number, total = row[said], sum(row)
    share = number / total
    is_hit = true == said
    strength = 0.12 + 0.88 * share if is_hit else 0.22 + 0.78 * (share / worst) ** 0.5
    shapes = [
        hint(
            f"{names[true]} taken for {names[said]}: {number} of {total}"
            if not is_hit
            else f"{names[true]} found: {number} of {total}"
        ),
        tag(
            "rect",
            x=x + 0.5,
            y=y + 0.5,
            width=size - 1,
            height=size - 1,
            rx=1.5,
            class_="hit" if is_hit else "miss",
            fill_opacity=f"{strength:.2f}",
        ),
    ]
    if size >= 25:
        shapes.append(
            label(x + size / 2, y + size / 2 + 4, number, "on mid" if strength > 0.55 else "mid")
        )
    return tag("g", *shapes, class_="c")


def _rules(left: float, top: float, cell: float, count: int) -> list[str]:
    side = cell * count
    marks = [cell * index for index in range(0, count + 1, 1 if count <= _MANY_CLASSES else 5)]
    across = [line(left, top + at, left + side, top + at, "rule") for at in marks]
    return across + [line(left + at, top, left + at, top + side, "rule") for at in marks]


def _names(left: float, top: float, cell: float, names: Sequence[str]) -> list[str]:
    size = f"{min(12.0, max(9.0, cell * 0.62)):.1f}px"
    style = f"font-size:{size}"
    shapes = [label(left, 12, "rows: true class, columns: prediction, right: share found", "s")]
    is_tilted = _tilted(names, cell) > 0
    for index, name in enumerate(names):
        middle = cell * (index + 0.5)
        shapes.append(label(left - 7, top + middle + 4, name, "end", style=style))
        x, y = left + middle, top - 6
        turn = f"rotate(-60 {x:.1f} {y:.1f})" if is_tilted else None
        shapes.append(label(x, y, name, "" if is_tilted else "mid", style=style, transform=turn))
    return shapes


def _found(x: float, top: float, cell: float, rows: Sequence[Sequence[int]]) -> list[str]:
    return [
        label(
            x + 42,
            top + cell * (index + 0.5) + 4,
            f"{100 * row[index] / max(1, sum(row)):.0f}%",
            "s end",
        )
        for index, row in enumerate(rows)
    ]


def _tilted(names: Sequence[str], cell: float) -> float:
    """Height that tilted column names need; 0 where they fit upright."""
    longest = 6.4 * max(map(len, names))
    return 0.0 if longest < cell else 0.87 * longest
