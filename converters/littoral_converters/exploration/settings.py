"""How a file may be run: threads, engines, and each engine's own options."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from littoral import engines as engine_folder
from littoral import plugins
from littoral.arguments import check_whole
from littoral.errors import InputError
from littoral.targets import Target

from littoral_converters import formats as format_folder

MOST_THREADS = (1, 2, 4)


@dataclass(frozen=True)
class Setting:
    """How an engine runs a file.

    Attributes:
        threads: Threads of one call.
        engine: Engine name or ``"auto"``.
        options: Name and value of each of the engine's own options.
    """

    threads: int = 1
    engine: str = "auto"
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """For people, for example ``"2 threads"`` or ``"litert xnnpack=off"``."""
        words = [] if self.engine == "auto" else [self.engine]
        words += [f"{name}={value}" for name, value in self.options]
        words += [f"{self.threads} threads"] * (self.threads > 1)
        return " ".join(words)


def settings_of(
    target: Target,
    threads: Sequence[int] | None,
    engines: Sequence[str] | None,
    formats: Sequence[str],
) -> list[Setting]:
    """Ways to run a file, the plain one first.

    Args:
        target: The machine to run on.
        threads: Numbers of threads, None for 1, 2 and 4 as far as the target has cores.
        engines: Engines beside the usual one, None for the alternatives of whichever there are.
        formats: The files' formats.

    Returns:
        One setting for each number of threads, then one for each other engine.

    Raises:
        InputError: Fewer than one thread, more than the target has cores, or no such engine.
    """
    cores = target.environment().get("cores")
    if threads is None:
        threads = [count for count in MOST_THREADS if count <= (cores or 1)]
    for count in threads:
        check_whole("threads", count)
        if cores and count > cores:
            raise InputError(f"threads: {count} is more than the {cores} cores of {target.name}")
    found = [Setting(count) for count in sorted(set(threads))]
    plain = found[0] if found else Setting()
    others = alternatives(formats, engines)
    return [
        plain,
        *found[1:],
        *(dataclasses.replace(plain, engine=e, options=o) for e, o in others),
    ]


def formats_of(
    formats: Sequence[str] | None, engines: Sequence[str] | None
) -> Sequence[str] | None:
    """The formats to try: those that the engines run, where engines are named.

    Args:
        formats: Names of formats, None for all.
        engines: Names of engines, None or none for any.

    Returns:
        Names of formats, None for all.

    Raises:
        InputError: No such engine; one that runs none of the formats; a format that none runs.
    """
    if not engines:
        return formats
    runs = {name: set(plugins.load(engine_folder, name).FORMATS) for name in engines}
    known = formats or tuple(reversed(plugins.names(format_folder)))
    for name, own in runs.items():
        if not own & set(known):
            raise InputError(f"engine {name} runs {_listed(own)}, not {_listed(known)}")
    able = set().union(*runs.values())
    for name in formats or ():
        if name not in able:
            raise InputError(f"format {name} is run by none of the engines {_listed(engines)}")
    return [name for name in known if name in able]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def alternatives(
    formats: Sequence[str], engines: Sequence[str] | None
) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Other ways to run a file than the plain one.

    Args:
        formats: The files' formats.
        engines: Engines by name: each plainly and with its own alternatives. None for the
            alternatives of whichever engine a format gets.

    Returns:
        Engine and options of each way.

    Raises:
        InputError: No such engine.
    """
    names = plugins.names(engine_folder) if engines is None else engines
    modules = {name: plugins.load(engine_folder, name) for name in names}
    options = {
        (name if engines else "auto", tuple(option.items())): None
        for name, module in modules.items()
        if set(module.FORMATS) & set(formats)
        for option in (*([{}] if engines else []), *module.ALTERNATIVES)
    }
    return list(options)


def fits(setting: Setting, format_name: str) -> bool:
    """Whether a setting's engine runs a format and has the setting's options."""
    names = plugins.names(engine_folder) if setting.engine == "auto" else [setting.engine]
    asked_for = {name for name, _ in setting.options}
    return any(
        format_name in module.FORMATS and asked_for <= set(module.OPTIONS)
        for module in (plugins.load(engine_folder, name) for name in names)
    )
