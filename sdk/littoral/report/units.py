"""Numbers as people read them: three significant digits, a unit that fits, a dash for unknown."""

from __future__ import annotations

import math

from littoral.statistics import Estimate

UNKNOWN = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def duration(microseconds: float | None) -> str:
    """A length of time, for example ``4.31 µs``, ``1.20 ms``, ``2.5 s``.

    Args:
        microseconds: None where it is not known.
    """
    if microseconds is None:
        return UNKNOWN
    if microseconds < 999.5:
        return f"{_digits(microseconds)} µs"
    if microseconds < 999_500:
        return f"{_digits(microseconds / 1e3)} ms"
    return f"{_digits(microseconds / 1e6)} s"


def tick(microseconds: float) -> str:
    """A round length of time on an axis, for example ``20 µs``."""
    if microseconds < 1e3:
        return f"{microseconds:g} µs"
    if microseconds < 1e6:
        return f"{microseconds / 1e3:g} ms"
    return f"{microseconds / 1e6:g} s"


def energy(joules: float) -> str:
    """An amount of energy, for example ``120 µJ``, ``1.40 mJ``."""
    if joules < 1e-3:
        return f"{_digits(joules * 1e6)} µJ"
    return f"{_digits(joules * 1e3)} mJ" if joules < 1 else f"{_digits(joules)} J"


def size(count: float | None) -> str:
    """A number of bytes in decimal units, for example ``24.6 kB``."""
    if count is None:
        return UNKNOWN
    for factor, unit in _SIZES:
        if count >= 0.9995 * factor:
            return f"{_digits(count / factor)} {unit}"
    return f"{count:.0f} B"


def percent(share: float | None) -> str:
    """A share as a percentage with two decimals: one sample in 4000 must show."""
    return UNKNOWN if share is None else f"{share * 100:.2f}%"


def decibels(ratio: float | None) -> str:
    """A signal-to-noise ratio, for example ``41.3 dB``; 300 and more is no noise at all."""
    if ratio is None:
        return UNKNOWN
    return "exact" if ratio >= 300 else f"{ratio:.1f} dB"


def points(drop: float | None) -> str:
    """A drop in percentage points with its sign turned: what the accuracy did."""
    if drop is None:
        return UNKNOWN
    return "±0.00" if round(drop, 2) == 0 else f"{-drop:+.2f}"


def change(drop: float | None, metric: str | None) -> str:
    """What became of a file's metric: of an accuracy in points, of an error in percent of it."""
    if drop is None or metric in (None, "accuracy"):
        return points(drop)
    return "±0.00%" if round(drop, 2) == 0 else f"{drop:+.2f}%"


def times(ratio: float) -> str:
    """A ratio with a multiplication sign."""
    return f"{ratio:.2f}{TIMES}" if ratio < 10 else f"{ratio:.0f}{TIMES}"


def spread(estimate: Estimate | None) -> str:
    """How far the interval reaches from the value, for example ``±0.6%``; ``±?`` where unknown."""
    if estimate is None:
        return ""
    if estimate.low is None or estimate.high is None or estimate.value == 0:
        return "±?"
    reach = max(estimate.value - estimate.low, estimate.high - estimate.value) / estimate.value
    if reach >= 10:
        return f"±{reach:.0f}{TIMES}"
    return f"±{reach:.1%}" if reach < 0.0995 else f"±{reach:.0%}"


def interval(estimate: Estimate | None) -> str:
    """Both ends of an interval in microseconds; the unit once where both have the same."""
    if estimate is None:
        return UNKNOWN
    low = "?" if estimate.low is None else duration(estimate.low)
    high = "?" if estimate.high is None else duration(estimate.high)
    if low.rpartition(" ")[2] == high.rpartition(" ")[2]:
        low = low.rpartition(" ")[0]
    return f"{low} {UNKNOWN} {high}"


def duration_with_spread(estimate: Estimate | None) -> str:
    """For example ``4.31 µs ±0.6%``."""
    if estimate is None:
        return UNKNOWN
    return f"{duration(estimate.value)} {spread(estimate)}"


def _digits(number: float) -> str:
    """Three significant digits without an exponent."""
    if number == 0:
        return "0"
    # Rounded first: 0.9996 has its third digit where 1.00 has it.
    power = math.floor(math.log10(abs(float(f"{number:.2e}"))))
    return f"{number:.{min(max(0, 2 - power), 3)}f}"
