"""The browser as a process: started on a page, ended with all its helpers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from littoral.errors import TargetError

_FLAGS = (
    *("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--no-default-browser-check", "--disable-dev-shm-usage", "--mute-audio"),
)


def start(program: str, address: str, profile: Path) -> subprocess.Popen[bytes]:
    """Start a browser without a window on a page.

    Args:
        program: Its path.
        address: The page's.
        profile: An empty folder for what it keeps.

    Raises:
        TargetError: It does not start.
    """
    flags = [*_FLAGS, f"--user-data-dir={profile}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium refuses to run as root with one
    try:
        return subprocess.Popen(
            [program, *flags, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise TargetError(f"{program} does not start: {error}") from error


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the browser with all its helpers, which share its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ended(process: subprocess.Popen[bytes], job: dict[str, Any]) -> str:
    """What to say of a browser that is gone.

    Args:
        process: The browser.
        job: What it was asked.
    """
    when = "before the page was open" if job["do"] == "hello" else "in the middle of the work"
    return f"the browser ended {when} (exit code {process.returncode})"


def version(program: str) -> str | None:
    """What a browser says of itself, None where it says nothing.

    Args:
        program: Its path.
    """
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=30, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
