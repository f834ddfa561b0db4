"""A real browser for tests: found, or installed where that is allowed, and pages opened in it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 180_000
"""Milliseconds that a page has for whatever is waited for: the machine may be busy with other tests."""

ADVICE = (
    "these tests need a browser and none could be installed: put Chromium or Chrome on PATH (on Debian, as root: "
    "apt-get install chromium), or run: playwright install --with-deps chromium"
)


class NoBrowserError(Exception):
    """No browser is here and none could be installed; the text says what to do."""


def find_browser() -> str:
    """Path of a browser: one on PATH, else Debian's package, else Playwright's own.

    Raises:
        NoBrowserError: if none can be had.
    """
    if found := _on_path():
        return found
    with Path(__file__).open() as this_file:
        fcntl.flock(this_file, fcntl.LOCK_EX)  # of several test processes one installs, and the others find it
        return _on_path() or _from_debian() or _from_playwright()


@contextmanager
def start_browser(path: str) -> Iterator[Browser]:
    """The browser at ``path``, without a window.

    While it is open, its thread has a running event loop, so nothing else there may start one.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:  # its default is to start Chromium without a sandbox, as root needs it
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Visit:
    """An open page, and what has gone wrong on it so far.

    Args:
        page: to look at and to use.
        troubles: errors and warnings on the console (what its policy forbids is one), scripts that failed, dialogs,
            and requests that failed.
        requests: every address it asked for; its own is the first.
    """

    page: Page
    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            self.requests.append(request.url)

    def listen(self) -> None:
        """Begin to write down what happens."""
        self.page.on("console", self._console)
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("requestfailed", lambda request: self.troubles.append(f"request failed: {request.url[:200]}"))


@contextmanager
def visit(
    browser: Browser, address: str | Path, *, width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[Visit]:
    """Opens a page in a profile of its own.

    Args:
        browser: that shows it.
        address: a URL or a file.
        width: of the window, in CSS pixels; at most 480 is a phone, which has touch and no mouse.
        height: of the window.
        dark: whether the reader prefers dark pages.
    """
    phone = width <= 480
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        is_mobile=phone,
        has_touch=phone,
    )
    context.set_default_timeout(PATIENCE)
    opened = Visit(context.new_page())
    opened.listen()
    opened.page.goto(address.resolve().as_uri() if isinstance(address, Path) else address)
    yield opened
    context.close()


def _on_path() -> str | None:
    # Ubuntu has a "chromium-browser" that only says how to install the real one.
    candidates = (path for name in NAMES if (path := shutil.which(name)))
    return next((path for path in candidates if _succeeds([path, "--version"])), None)


def _from_debian() -> str | None:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return None
    _succeeds(["apt-get", "update"])
    _succeeds(["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])
    return _on_path()


def _from_playwright() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        _succeeds([sys.executable, "-m", "playwright", "install", "chromium"])
    if not Path(path).exists():
        raise NoBrowserError(ADVICE)
    return path


def _succeeds(command: Sequence[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
