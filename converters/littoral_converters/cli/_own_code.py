"""What of a person's own Python a Keras file may need: the same arguments in every verb."""

from __future__ import annotations

import argparse


def add_own_code(parser: argparse.ArgumentParser) -> None:
    """Declare ``--import`` and ``--allow-unsafe``."""
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
