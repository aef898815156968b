"""Boards behind ssh: ``ssh://user@host[:port][/folder]``.

The person's own ``ssh`` connects, with their configuration, keys, agent and jump hosts; a host may
be an alias of that configuration. ``LITTORAL_SSH`` names another program or adds arguments, for
example ``ssh -F board_config``. There is one connection and so one login for everything that a
command does; nothing is asked on the way (``BatchMode``), because several targets may be connected
to at once.
"""

from __future__ import annotations

import os
import shlex

from littoral.errors import InputError, TargetError
from littoral.targets import USUAL, Settings
from littoral.targets._address import Address, parse
from littoral.targets._board import Board
from littoral.targets._connection import Ended, explained
from littoral.targets._session import Session, start_command

CONNECT_S = 10
ALIVE_S = 5
"""Three such intervals without an answer, and ssh gives the connection up."""

_FAULTS = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed",
        "its host key has changed: if the board was set up anew, remove the old key "
        "(ssh-keygen -R {host}) and connect once by hand; if it was not, do not trust it",
    ),
    (
        r"Host key verification failed|No .* host key is known",
        "its host key is not known here: connect once by hand (ssh {host}) and compare the key",
    ),
    (
        r"Could not resolve hostname",
        "unknown host: no such name in the ssh configuration or on the network",
    ),
    (
        r"Permission denied|Too many authentication failures|no supported authentication",
        "no login: it must work without a password (try ssh {host}; ssh-copy-id {host})",
    ),
    (r"Connection refused", "nothing listens on its ssh port: is sshd running, is the port right?"),
    (
        r"timed out",
        "no answer to the connection within {seconds} s: is it on, is the address right?",
    ),
    (r"No route to host|Network is unreachable", "the network does not lead to it"),
)
"""What ssh says, and what that means; the first that fits counts."""


def connect(address: str, settings: Settings = USUAL) -> Board:
    """A board; the connection is made when it is first used.

    Args:
        address: ``ssh://[user@]host[:port][/folder]``.
        settings: How to use it.

    Raises:
        InputError: Not such an address.
    """
    parts = parse(address, "ssh")
    name = settings.name or address
    words = {"host": parts.host, "seconds": CONNECT_S}
    faults = [(pattern, meaning.format(**words)) for pattern, meaning in _FAULTS]

    def explain(ended: Ended) -> TargetError:
        return explained(name, "ssh", faults, ended)

    command = [*_program(), *_options(parts), "--", parts.host, start_command(settings.python)]
    return Board(name, lambda: Session(name, command, explain), parts.folder, settings)


def _program() -> list[str]:
    words = shlex.split(os.environ.get("LITTORAL_SSH", "ssh"))
    if not words:
        raise InputError("LITTORAL_SSH is empty: expected a program, for example ssh -F config")
    return words


def _options(parts: Address) -> list[str]:
    chosen = ["BatchMode=yes", f"ConnectTimeout={CONNECT_S}", f"ServerAliveInterval={ALIVE_S}"]
    # A master that stays behind would hold our pipes open; one that is there already is used.
    chosen += ["ServerAliveCountMax=3", "ControlMaster=no", "ClearAllForwardings=yes"]
    options = ["-T", *(word for option in chosen for word in ("-o", option))]
    options += [] if parts.user is None else ["-l", parts.user]
    return options + ([] if parts.port is None else ["-p", str(parts.port)])
