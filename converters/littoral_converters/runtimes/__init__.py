"""Runtimes that a file may be written for: what each release of an engine can load.

One module per format, named like it:

    RUNTIMES: tuple[str, ...]             releases, oldest first, for example ``"tflite-2.14"``
    able(content) -> list[str]            the releases that run a file, oldest first
    fit(content, runtime) -> bytes        the file as that release takes it

The figures in them are measured: files that ask for one operator version, IR or opset were opened
in each release.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from littoral import plugins
from littoral.errors import InputError


def by_format(wanted: Sequence[str], formats: Sequence[str]) -> Mapping[str, str]:
    """Which runtime each format is to be written for.

    Args:
        wanted: Runtimes, at most one for each format.
        formats: Formats that are going to be written.

    Returns:
        Runtime by format, for the formats that have one.

    Raises:
        InputError: A runtime that is not known, that runs none of the formats, or two for one.
    """
    found: dict[str, str] = {}
    for runtime in wanted:
        owner = _format_of(runtime)
        if owner not in formats:
            raise InputError(
                f"{runtime} runs {owner} files, and only {', '.join(formats)} is asked for"
            )
        if owner in found:
            raise InputError(f"{found[owner]} and {runtime} both run {owner} files: give one")
        found[owner] = runtime
    return found


def _format_of(runtime: str) -> str:
    package = sys.modules[__name__]
    tables = {name: plugins.load(package, name).RUNTIMES for name in plugins.names(package)}
    for name, known in tables.items():
        if runtime in known:
            return name
    listed = ", ".join(runtime for known in tables.values() for runtime in known)
    raise InputError(f"unknown runtime {runtime!r}: choose from {listed}")
