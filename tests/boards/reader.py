"""A person with a browser who is offline: what they see of a page, and whether it can be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from littoral.targets._browser_process import _FLAGS
from PIL import Image

PROGRAM = "chromium"
SIZE = (1200, 9000)
PHONE = (500, 900)
"""The narrowest that Chromium makes a window."""
_OFFLINE = ["unshare", "--net"]
"""A network namespace of its own, without as much as a loopback."""

_LOOK = Path(__file__).with_name("look.js")


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page.

    Attributes:
        facts: By name, from the page itself: errors, fetches, sections, bars, and texts that are
            too faint, that touch, or that stick out of their card.
        light: A picture of it.
        dark: A picture where the system is dark.
        dark_faint: Texts that are too faint there.
        is_wide_on_a_phone: The page itself, not a figure in it, has to be pushed sideways there.
    """

    facts: dict[str, Any]
    light: Image.Image
    dark: Image.Image
    dark_faint: list[str]
    is_wide_on_a_phone: bool


def read(page: Path, folder: Path) -> Seen:
    """Open a page without a network, in light and in dark.

    Args:
        page: The file.
        folder: Empty, for a profile and pictures.
    """
    probed = folder / "probed.html"
    probe = f"<head><script>{_LOOK.read_text()}</script>"
    probed.write_text(page.read_text().replace("<head>", probe, 1))
    light, dark = _facts(probed, folder, 1), _facts(probed, folder, 0)
    phone = _facts(probed, folder, 1, PHONE)
    pictures = [_picture(page, folder, scheme) for scheme in (1, 0)]
    return Seen(light, *pictures, dark["faint"], phone["wide"])


def colours(picture: Image.Image) -> int:
    """How many different ones a picture has, of those that are more than specks."""
    small = picture.resize((300, 2250))
    return sum(count > 20 for count, _ in small.getcolors(1 << 24) or ())


def _facts(page: Path, folder: Path, scheme: int, size: tuple[int, int] = SIZE) -> dict[str, Any]:
    printed = _browse(page, folder, scheme, size, "--dump-dom")
    found = re.search(r'<pre id="seen">(.*?)</pre>', printed, re.DOTALL)
    assert found, printed[-2000:]
    facts: dict[str, Any] = json.loads(unescape(found[1]))
    return facts


def _picture(page: Path, folder: Path, scheme: int) -> Image.Image:
    path = folder / f"{scheme}.png"
    _browse(page, folder, scheme, SIZE, f"--screenshot={path}")
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _browse(page: Path, folder: Path, scheme: int, size: tuple[int, int], *flags: str) -> str:
    width, height = size
    command = [
        *(_OFFLINE if os.geteuid() == 0 else []),
        *(PROGRAM, *_FLAGS, "--no-sandbox", f"--user-data-dir={folder / 'profile'}"),
        *("--hide-scrollbars", f"--window-size={width},{height}"),
        *(f"--blink-settings=preferredColorScheme={scheme}", *flags, page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout
