"""A real browser for tests: the Chromium inside kaleido 0.2.1's wheel, which needs nothing from the system."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import kaleido

HERE = Path(__file__).parent
EXECUTABLE = Path(kaleido.__file__).parent / "executable" / ("kaleido.cmd" if sys.platform == "win32" else "kaleido")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--allow-file-access-from-files",
)
SECONDS = 30
ATTEMPTS = 3  # one start in about fifty hangs before the page is opened


def browse(page: Path, width: int = 1280) -> dict[str, Any]:
    """Opens a page from its file, waits until its figures are drawn, and tells what happened.

    kaleido is made to draw figures with plotly.js; what it is given as plotly.js is our ``frame.js``, which shows the
    page in a frame. The page is a copy with ``probe.js`` in front of everything else.

    Returns:
        The facts that ``probe.js`` collects.
    """
    before, head, after = page.read_text(encoding="utf-8").partition("<head>")
    probe = (HERE / "probe.js").read_text(encoding="utf-8")
    probed = page.with_name(f"probed-{page.name}")
    probed.write_text(f"{before}{head}<script>{probe}</script>{after}", encoding="utf-8")
    wish = {"data": {"data": [{"page": probed.as_uri(), "width": width}], "layout": {}}, "format": "svg"}
    wish |= {"width": width, "height": 900, "scale": 1}
    for _ in range(ATTEMPTS):
        answer = _ask(json.dumps(wish).encode())
        if answer:
            facts: dict[str, Any] = json.loads(json.loads(answer)["result"])
            return facts
    raise RuntimeError(f"{EXECUTABLE} gave no answer within {SECONDS} s, {ATTEMPTS} times")


def _ask(wish: bytes) -> bytes:
    # It wants MathJax too, and would look for it in the network.
    scripts = (f"--plotlyjs={(HERE / 'frame.js').as_uri()!r}", f"--mathjax={(HERE / 'frame.js').as_uri()!r}")
    command = [str(EXECUTABLE), "plotly", *scripts, *FLAGS]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    watchdog = threading.Timer(SECONDS, _end, [process])
    watchdog.start()
    try:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the browser has no pipes")
        process.stdout.readline()
        process.stdin.write(wish + b"\n")
        process.stdin.flush()
        return process.stdout.readline()
    except BrokenPipeError:
        return b""
    finally:
        watchdog.cancel()
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
