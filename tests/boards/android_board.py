"""What Android adds to a board: ``am``, ``cmd`` and ``pidof``, played by small scripts.

The adbd, the shell and the files are real; there is no Android, so what its own tools do is written
down here as their sources have it. What the app does that ``am start`` starts, a test says.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from machines import Land, adb_board

PACKAGE = "com.example.bench"
ACTIVITY = "littoral.android.BenchmarkActivity"

_AM = """#!/bin/sh
echo "am $*" >>/root/calls
verb=$1
shift
if [ "$verb" = force-stop ]; then
  read -r pid </root/running && [ "$pid" != 1 ] && kill -KILL "$pid"
  rm -f /root/running
  exit 0
fi
while [ $# -gt 0 ]; do
  case $1 in
    -n) component=$2; shift ;;
    --es) request=$3; shift 2 ;;
  esac
  shift
done
token=${request##*/}
token=${token%.json}
answers=/sdcard/Android/data/${component%%/*}/files/littoral
mkdir -p "$answers"
echo 1 >/root/running
echo "Starting: Intent { cmp=$component (has extras) }"
. /root/app
echo "Status: ok"
"""
_PIDOF = """#!/bin/sh
read -r pid </root/running && { [ "$pid" = 1 ] || kill -0 "$pid"; } && echo "$pid"
"""
_CMD = """#!/bin/sh
echo "cmd $*" >>/root/calls
cat /root/apps
"""
_COMMANDS = [
    "sh",
    "tr",
    "echo",
    "cat",
    "mkdir",
    "chmod",
    "mv",
    "ls",
    "rm",
    "test",
    "sleep",
    "nohup",
]


@dataclass(frozen=True)
class Android:
    """A board that passes for an Android without a Python.

    Attributes:
        home: Its home directory, on this machine.
        program: For LITTORAL_ADB.
    """

    home: Path
    program: str

    def installs(self, *packages: str) -> None:
        """These apps have the activity."""
        lines = [f"{len(packages)} activities found:"] if packages else ["No activities found"]
        for number, package in enumerate(packages):
            lines += [f"  Activity #{number}:"]
            lines += ["    priority=0 preferredOrder=0 match=0x108000 specificIndex=-1"]
            lines += [f"    {package}/{ACTIVITY}"]
        (self.home / "apps").write_text("\n".join([*lines, ""]))

    def behaves(self, script: str) -> None:
        """What the app does: a script that knows ``$request``, ``$answers`` and ``$token``."""
        (self.home / "app").write_text(script)

    @property
    def calls(self) -> list[str]:
        """What ``am`` was asked for."""
        return (self.home / "calls").read_text().splitlines()

    @property
    def pushed(self) -> list[str]:
        """What lies in littoral's folder."""
        return sorted(path.name for path in (self.home / "data/local/tmp/littoral").glob("*"))

    @property
    def answers(self) -> Path:
        """The app's folder for them."""
        return self.home / "sdcard/Android/data" / PACKAGE / "files/littoral"


@contextlib.contextmanager
def android_board(folder: Path, *, has_host: bool = False, room: str = "") -> Iterator[Android]:
    """Start one; `room` is how much its ``/data`` holds, such as ``64k``."""
    home = folder / "home"
    tools = home / "bin"
    tools.mkdir(parents=True)
    for name in _COMMANDS:
        (tools / name).symlink_to(f"/usr/bin/{name}")
    (tools / "chroot").symlink_to("/usr/sbin/chroot")
    for name, text in {"am": _AM, "pidof": _PIDOF, "cmd": _CMD}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (home / "calls").touch()
    (home / "data").mkdir()
    if room:
        full = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(home / "data")]
        subprocess.run(full, check=True)
    for place in ("data/local/tmp", "sdcard"):
        (home / place).mkdir(parents=True)
    land = Land(home, "android", path="/root/bin", has_host=has_host)
    try:
        with adb_board(land) as program:
            yield Android(home, program)
    finally:
        if room:
            subprocess.run(["umount", str(home / "data")], check=True)
