"""The address of a machine, taken apart and checked before any program sees a piece of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from littoral.errors import InputError

_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@+-]*\$?")
_HOST = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*|[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")
_MOST_PORTS = 65535


@dataclass(frozen=True)
class Address:
    """``scheme://user@host:port/folder``.

    Attributes:
        host: A name, an alias of the person's own ssh configuration, or an IP address.
        user: None leaves it to the configuration.
        port: None leaves it to the configuration.
        folder: Where littoral may put its things on the machine; None for the usual place.
    """

    host: str
    user: str | None = None
    port: int | None = None
    folder: str | None = None


def parse(address: str, scheme: str) -> Address:
    """Take an address apart.

    Args:
        address: ``scheme://[user@]host[:port][/folder]``; an IPv6 address stands in brackets, a
            folder of the home directory is ``/~/folder``, ``%20`` is a space.
        scheme: What it begins with.

    Returns:
        The parts; none begins with ``-``, which a program could take for an option.

    Raises:
        InputError: A part is missing or holds what no host, user or port does.
    """
    rest = address.removeprefix(f"{scheme}://")
    place, slash, folder = rest.partition("/")
    user, at, machine = place.rpartition("@")
    host, port = _host_and_port(machine, address)
    if at and not _USER.fullmatch(user):
        raise InputError(f"{address!r}: {user!r} is no user name")
    if not _HOST.fullmatch(host):
        raise InputError(
            f"{address!r}: {host!r} is no host name: write {scheme}://user@host:port/folder"
        )
    return Address(host, user or None, port, checked_folder(folder, address) if slash else None)


def checked_folder(text: str, address: str) -> str | None:
    """The folder at the end of an address, None when it is empty.

    Args:
        text: What follows the slash behind the host.
        address: What a message names.

    Raises:
        InputError: It holds a control character, or leads upwards.
    """
    folder = unquote(text).rstrip("/")
    if not folder:
        return None
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in folder):
        raise InputError(f"{address!r}: a folder's name cannot hold control characters")
    if ".." in folder.split("/"):
        raise InputError(f"{address!r}: a folder cannot lead upwards with ..")
    return folder if folder == "~" or folder.startswith("~/") else f"/{folder}"


def _host_and_port(machine: str, address: str) -> tuple[str, int | None]:
    if machine.startswith("["):
        host, bracket, port = machine[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise InputError(f"{address!r}: write an IPv6 address as [::1] or [::1]:22")
        port = port[1:]
    else:
        host, _, port = machine.partition(":")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _MOST_PORTS):
        raise InputError(f"{address!r}: {port!r} is no port: expected 1 to {_MOST_PORTS}")
    return host, int(port)
