"""What README.md tells a person to type: commands that there are, and snippets that compile."""

import importlib
import re
import shlex
from pathlib import Path

import littoral
import littoral_converters
import pytest
from littoral import cli

README = (Path(__file__).parents[2] / "README.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    """The words behind each ``littoral`` in an indented block, up to a pipe or redirection."""
    indented = re.sub(r" \\\n +", " ", README)
    for line in re.findall(r"^    (?:.*\| )?(littoral .*)", indented, re.MULTILINE):
        words = shlex.split(line, comments=True)
        end = next((at for at, word in enumerate(words) if word in ("|", ">")), None)
        yield words[1:end]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_a_command_is_understood(words):
    verb, *arguments = words
    module = importlib.import_module(cli.verbs()[verb])
    cli._parser_of(verb, module).parse_args(arguments)


def test_every_verb_is_listed():
    listed = re.search(r"^## Every verb\n\n`([a-z ]+)`", README, re.MULTILINE)
    assert set(listed[1].split()) == set(cli.verbs())


def test_snippets_are_python_and_name_what_there_is():
    assert len(SNIPPETS) > 5
    for snippet in SNIPPETS:
        compile(snippet, "README.md", "exec")
    for package in (littoral, littoral_converters):
        named = re.findall(rf"\b{package.__name__}\.(\w+)\b", "".join(SNIPPETS))
        assert all(hasattr(package, name) for name in named)


def test_every_link_leads_somewhere():
    headings = re.findall(r"^#+ (.*)", README, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors
    files = re.findall(r"\]\(([^#:)]+)\)", README)
    assert all((Path(__file__).parents[2] / name).exists() for name in files)
