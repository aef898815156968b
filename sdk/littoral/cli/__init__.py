"""The ``littoral`` command. One module a verb; the file is the registration.

A verb's module offers four names, and imports what is heavy inside `run`:

    SUMMARY: str                              one line for --help
    add_arguments(parser) -> None             its arguments
    run(arguments) -> dict                    does the work, returns what --json prints
    describe(payload) -> str                  the same for a person

A verb may print as it goes on, and then offers two more:

    each(arguments) -> Iterator[dict] | None  None: `run` does the work; else an object a line
    describe_one(entry) -> str                one of them for a person

A payload whose ``"passed"`` is False ends with exit code 1. Verbs of other distributions' packages
join through the entry-point group ``littoral.commands`` (name: the verb, value: its module).
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import math
import os
import signal
import sys
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, NoReturn

from littoral import __version__, plugins
from littoral.errors import InputError, LittoralError

EXIT_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def verbs() -> dict[str, str]:
    """Every verb's module name, by verb, sorted."""
    own = sys.modules[__name__]
    found = {name: f"{__name__}.{name}" for name in plugins.names(own)}
    found.update({point.name: point.value for point in entry_points(group="littoral.commands")})
    return dict(sorted(found.items()))


def call(verb: str, argv: list[str]) -> dict[str, Any]:
    """Run a verb from Python, as `demo` does.

    Args:
        verb: For example ``"convert"``.
        argv: Its arguments as a person would type them.

    Returns:
        What ``--json`` would print.

    Raises:
        LittoralError: As the verb raises it.
    """
    module = importlib.import_module(verbs()[verb])
    return _run(module, _parser_of(verb, module).parse_args(argv))


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; None takes those of the process.

    Returns:
        The exit code: 0 done, 1 the model or the check failed, 2 bad usage or bad input.
    """
    if argv is None:
        argv = sys.argv[1:]
        _end_as_after_ctrl_c()
    _open_what_is_closed()
    _replace_what_cannot_be_printed()
    try:
        return _dispatch(argv)
    except LittoralError as error:
        if "--debug" in argv:
            raise
        _complain(_one_line(error))
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        words = _one_line(interrupt) if interrupt.args else "nothing half-written was kept"
        _complain(f"interrupted; {words}")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _leave_stdout()
        return 1
    except OSError as error:
        if "--debug" in argv:
            raise
        _complain(_of_the_system(error))
        return InputError.exit_code


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0].startswith("-"):
        _top_parser().parse_args(argv)
        raise InputError(f"no verb: choose from {', '.join(verbs())} (see littoral --help)")
    verb = argv[0]
    known = verbs()
    if verb not in known:
        raise InputError(f"unknown verb {verb!r}: choose from {', '.join(known)}")
    module = importlib.import_module(known[verb])
    arguments = _parser_of(verb, module).parse_args(argv[1:])
    entries = module.each(arguments) if hasattr(module, "each") else None
    if entries is not None:
        for entry in entries:
            told = _as_json(entry) if arguments.json else module.describe_one(entry)
            _tell(told)
        return 0
    payload = _run(module, arguments)
    _tell(_as_json(payload, indent=2) if arguments.json else module.describe(payload))
    return 0 if payload.get("passed", True) else 1


def _as_json(payload: Any, indent: int | None = None) -> str:
    """JSON has no NaN and no infinity: they are null."""
    try:
        return json.dumps(payload, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(payload), indent=indent, allow_nan=False)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _tell(text: str) -> None:
    """Print at once; a full disk becomes an error of one line."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _leave_stdout()
        raise LittoralError(f"cannot write to stdout: {error.strerror or error}") from error


def _complain(words: str) -> None:
    from littoral.progress import say

    say(f"littoral: {words}\n")


def _leave_stdout() -> None:
    from littoral.progress import leave

    leave(sys.stdout)


def _end_as_after_ctrl_c() -> None:
    """Whoever ends the program by another signal finds as little left behind."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _open_what_is_closed() -> None:
    """A model's file would get the number of a closed stream, and all that is printed there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - it stays


def _replace_what_cannot_be_printed() -> None:
    """Where the terminal's encoding lacks a character, a question mark takes its place."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def _run(module: ModuleType, arguments: argparse.Namespace) -> dict[str, Any]:
    """Call a verb's `run`; a missing third-party package becomes a line that names the extra."""
    try:
        payload: dict[str, Any] = module.run(arguments)
        return payload
    except ModuleNotFoundError as error:
        extra = getattr(module, "EXTRA", None)
        if extra is None or (error.name or "").startswith("littoral"):
            raise
        raise InputError(
            f"this verb needs {error.name}, which is not installed: pip install 'littoral[{extra}]'"
        ) from error


def _top_parser() -> argparse.ArgumentParser:
    lines = [f"  {verb:10} {importlib.import_module(m).SUMMARY}" for verb, m in verbs().items()]
    parser = _Parser(
        prog="littoral",
        description="Take a Keras model ashore: train, convert, prove, run and measure it.",
        epilog="verbs:\n" + "\n".join(lines) + "\n\nlittoral VERB --help says more about each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="littoral VERB [options]",
    )
    parser.add_argument("--version", action="version", version=f"littoral {__version__}")
    return parser


def _parser_of(verb: str, module: ModuleType) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"littoral {verb}",
        description=module.SUMMARY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=getattr(module, "EXAMPLES", None),
    )
    module.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable result on stdout")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _of_the_system(error: OSError) -> str:
    """What the system says of a path that it does not even look up, or of a disk."""
    reason = error.strerror or _one_line(error)
    return reason if error.filename is None else f"{error.filename}: {reason.lower()}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
