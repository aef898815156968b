"""``littoral steps``: how raw data can become a model's input, as a card says it."""

from __future__ import annotations

import argparse
from typing import Any

SUMMARY = "explain the preprocessing steps that a card may name"
EXAMPLES = """examples:
  littoral steps
  littoral steps image

A card holds a list of steps for each input, for example
  [{"step": "image", "height": 96, "width": 96, "channels": 3, "scale": 0.00392156862745098}]
littoral convert --preprocessing puts them into the files of your own model."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("step", nargs="?", metavar="STEP", help="one step, with its settings")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read the steps' own words.

    Returns:
        ``steps``: objects with ``step``, ``settings`` (name to default, None where the card must
        say it) and ``explanation``.

    Raises:
        InputError: No such step.
    """
    from littoral import plugins, steps

    names = plugins.names(steps) if arguments.step is None else (arguments.step,)
    return {"steps": [_told(name, plugins.load(steps, name)) for name in names]}


def describe(payload: dict[str, Any]) -> str:
    """One step in full, or a line for each."""
    steps = payload["steps"]
    if len(steps) == 1:
        return str(steps[0]["explanation"])
    return "\n".join(f"{each['step']:12} {each['explanation'].splitlines()[0]}" for each in steps)


def _told(name: str, module: Any) -> dict[str, Any]:
    from dataclasses import MISSING

    fields = module.Settings.__dataclass_fields__.values()
    settings = {f.name: None if f.default is MISSING else f.default for f in fields}
    return {"step": name, "settings": settings, "explanation": module.__doc__.strip()}
