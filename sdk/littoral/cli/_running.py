"""The arguments that say how a file is run, the same for every verb that runs one."""

from __future__ import annotations

import argparse
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--threads``, ``--engine`` and ``--option``."""
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--engine", default="auto", help="engine's name (default: auto)")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the engine, for example xnnpack=off; littoral doctor lists them",
    )


def how(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was declared, as `littoral.load` and `littoral.measure` take it.

    Returns:
        ``threads engine options``.

    Raises:
        InputError: An option without a value.
    """
    from littoral.engines import _options

    return {
        "threads": arguments.threads,
        "engine": arguments.engine,
        "options": _options.parse(arguments.option),
    }
