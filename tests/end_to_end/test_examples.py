"""The commands in the READMEs, run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/README.md"))
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(readme):
    return "".join(BLOCK.findall(readme.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_commands_of_an_example_run(example, tmp_path):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "EXAMPLE": str(example),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands(example / "README.md")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


def test_every_family_has_an_example():
    assert [path.name[:2] for path in EXAMPLES][:4] == ["01", "02", "03", "04"]
    assert all(commands(path / "README.md") for path in EXAMPLES)
