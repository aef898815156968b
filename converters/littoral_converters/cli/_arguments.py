"""Arguments that mean the same in several verbs."""

from __future__ import annotations

import argparse


def add_own_code(parser: argparse.ArgumentParser) -> None:
    """Declare what of a person's own Python may run: ``--import`` and ``--allow-unsafe``."""
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="FILE.py",
        help="a Python file (or module) that defines the model's own layers, repeatable",
    )
    parser.add_argument(
        "--allow-unsafe", action="store_true", help="run Python code stored in the model (Lambda)"
    )


def add_description(parser: argparse.ArgumentParser) -> None:
    """Declare what goes into the files' cards: ``--labels`` and ``--preprocessing``."""
    parser.add_argument(
        "--labels", metavar="FILE", help="class names: a .txt with one a line, or a .json"
    )
    parser.add_argument(
        "--preprocessing", metavar="FILE", help="a .json of the steps from raw data to the input"
    )
