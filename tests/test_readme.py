"""What the README names exists: files, links, commands and their options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from hpo.cli.app import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def commands_of(document: str) -> list[str]:
    """Every ``hpo ...`` in code spans and code blocks."""
    text = text_of(document)
    spans = re.findall(r"`(?:\.venv/bin/)?(hpo [^`]+)`", text)
    blocks = re.findall(r"^    (?:\.venv/bin/)?(hpo .+)$", text, flags=re.MULTILINE)
    return sorted({found.split("  #")[0].strip() for found in (*spans, *blocks)})


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    text = text_of(document)
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    folder = (ROOT / document).parent
    spans = re.findall(r"`((?:hpo|tests|studies|search_spaces|dashboards|\.ci)/[\w./]*)`", text)
    assert spans or document.startswith("docs/")
    missing = [name for name in links if not (folder / name).exists()]
    missing += [name for name in spans if not (ROOT / name).exists()]
    assert missing == []


@pytest.mark.parametrize("line", sorted({line for document in DOCUMENTS for line in commands_of(document)}))
def test_every_command_that_is_named_exists_with_its_options(line: str) -> None:
    command = get_command(app)
    words = line.split()[1:]
    while words and hasattr(command, "commands"):
        names = [name.strip(",") for name in words[0].split("/")]
        assert names[0] in command.commands, line
        command, words = command.commands[names[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, line


def test_the_readme_lists_every_document() -> None:
    assert [name for name in DOCUMENTS if name.startswith("docs/") and f"({name})" not in text_of("README.md")] == []


def test_the_two_set_up_commands_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), flags=re.MULTILINE))
    assert (
        set(re.findall(r"^    make ([a-z]+)", text_of("README.md"), flags=re.MULTILINE)) == {"demo", "test"} & targets
    )
