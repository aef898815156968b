"""Run the installed ``littoral`` command as a person would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LITTORAL = str(Path(sys.executable).with_name("littoral"))


def littoral(*words, cwd=None, timeout=600):
    """The finished process of one command."""
    return subprocess.run(
        [LITTORAL, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
    )


def payload(*words, cwd=None):
    """What a command that must succeed prints with --json."""
    done = littoral(*words, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def complaint(done, code):
    """The one line that a refused command leaves on stderr; progress lines do not count."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.startswith("littoral: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]
