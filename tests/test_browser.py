"""Where the tests' browser comes from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import browser
from tests.browser import ADVICE, NoBrowserError, find_browser


def _program(folder: Path, name: str, script: str = "exit 0") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_it_is_the_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = _program(tmp_path, "google-chrome")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_browser() == str(installed)


def test_a_program_that_only_says_how_to_install_one_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, "chromium-browser", "echo 'please install it' >&2; exit 1")
    installed = _program(tmp_path, "google-chrome")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_browser() == str(installed)


def test_debian_s_package_is_installed_where_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "chromium"
    made = f"printf '#!/bin/sh\\n' > {installed}; /bin/chmod +x {installed}"
    _program(tmp_path, "apt-get", f'echo "$@" >> {tmp_path}/asked; case "$*" in install*chromium) {made};; esac')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert find_browser() == str(installed)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["update", "install --yes --no-install-recommends chromium"]


def test_where_none_can_be_had_one_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path, "apt-get", "exit 100")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    monkeypatch.setattr(browser.sys, "executable", "/bin/false")  # what would download Playwright's own
    with pytest.raises(NoBrowserError) as refused:
        find_browser()
    assert str(refused.value) == ADVICE
    assert "\n" not in ADVICE
