"""The person's own names for machines, in a file ``targets.toml``.

    [pi4]
    url = "ssh://pi@raspberrypi.local"
    offline = true
    timeout_s = 600
    python = "/home/pi/venv/bin/python"

    [phone]
    url = "adb://R58M123ABC"
    app = "com.example.bench"

or ``pi4 = "ssh://pi@raspberrypi.local"``. It is looked for in the working directory, then in the
person's configuration folder (``~/.config/littoral/`` on most systems).
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from littoral import plugins
from littoral.errors import InputError
from littoral.targets import Settings

FILE = "targets.toml"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PYTHON = re.compile(r"[A-Za-z0-9_./~+-]+")
_KINDS: dict[str, tuple[type, ...]] = {
    "url": (str,),
    "offline": (bool,),
    "timeout_s": (int, float),
    "python": (str,),
    "app": (str,),
}


def find(address: str) -> tuple[str, Settings]:
    """The URL behind what a person wrote, and how to use the machine.

    Args:
        address: A URL, a target's own name (``local``), or a name of the inventory.

    Returns:
        A URL, and the settings; those of a plain URL are the usual ones.

    Raises:
        InputError: No such name, or the inventory is not what it should be.
    """
    targets = sys.modules["littoral.targets"]
    if address in plugins.names(targets):
        return address, Settings()
    name, separator, _ = address.partition("://")
    if separator:
        if name not in plugins.names(targets):
            known = ", ".join(f"{each}://" for each in plugins.names(targets))
            raise InputError(f"unknown target {name!r}: an address begins with one of {known}")
        return address, Settings()
    if not _NAME.fullmatch(address):
        raise InputError(f"not a target: {address!r}; give a name such as local, or scheme://host")
    path = _path()
    if path is None:
        raise InputError(
            f"unknown target {address!r}: no {FILE} here or in {_folders()[1]} names it; "
            "give local or an address such as ssh://user@host"
        )
    entries = _read(path)
    if address not in entries:
        near = difflib.get_close_matches(address, entries, 1)
        hint = f", did you mean {near[0]}?" if near else ""
        names = ", ".join(entries) or "nothing"
        raise InputError(f"unknown target {address!r}{hint} {path} names {names}")
    return _settings(address, entries[address], f"{path}: [{address}]")


def _folders() -> tuple[Path, Path]:
    if sys.platform == "win32":
        home = Path(os.environ.get("APPDATA") or Path.home())
    else:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(), home / "littoral"


def _path() -> Path | None:
    candidates = (folder / FILE for folder in _folders())
    return next((path for path in candidates if path.is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        toml: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ModuleNotFoundError as error:
        raise InputError(f"{path} needs Python 3.11 to be read, or: pip install tomli") from error
    try:
        entries: dict[str, Any] = toml.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    return entries


def _settings(name: str, entry: Any, place: str) -> tuple[str, Settings]:
    fields = {"url": entry} if isinstance(entry, str) else entry
    if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
        raise InputError(f'{place} has no url: write url = "ssh://user@host"')
    for key, value in fields.items():
        if key not in _KINDS:
            raise InputError(f"{place}: unknown key {key!r}: expected {', '.join(_KINDS)}")
        kinds = _KINDS[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InputError(f"{place}: {key} must be {kinds[-1].__name__}, not {value!r}")
    if not _PYTHON.fullmatch(fields.get("python", "python3")):
        raise InputError(f"{place}: python must be a plain path, not {fields['python']!r}")
    url = fields["url"]
    scheme = url.partition("://")[0]
    if scheme not in plugins.names(sys.modules["littoral.targets"]):
        raise InputError(f"{place}: {url!r} is no address: expected for example ssh://user@host")
    options = {key: value for key, value in fields.items() if key != "url"}
    return url, Settings(name=name, **options)
