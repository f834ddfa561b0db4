"""What the README names exists: files, links, commands and their options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from hpo.cli.app import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
PAGES = (*DOCUMENTS, "CHANGELOG.md", "examples/README.md")


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
    spans = re.findall(r"`((?:hpo|tests|studies|search_spaces|dashboards|examples|\.ci)/[\w./]*)`", text)
    assert spans or document.startswith("docs/")
    assert [name for name in spans if not (ROOT / name).exists()] == []


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", PAGES)
def test_every_link_leads_to_a_file_and_a_heading_of_it(document: str) -> None:
    page = ROOT / document
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(document)):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("line", sorted({line for document in PAGES for line in commands_of(document)}))
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
