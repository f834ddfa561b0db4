"""The report as a page over HTTP: that one page and nothing beside it, written again as the study moves on."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from hpo.errors import HpoError
from hpo.reports.html import element, escape, paragraph
from hpo.reports.page.http_guard import GuardedHandler, GuardedServer
from hpo.reports.page.shell import PAGE_POLICY
from hpo.results.progress import Progress
from hpo.storage.patience import first_line


class LiveReport:
    """The page as it stands, and when to write it again.

    Args:
        name: of the study.
        path: the report's HTML file.
        progress: how far the study has come; None before it has started.
        write: writes the file.
        log: takes one line about a refresh that failed.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        progress: Callable[[], Progress | None],
        write: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self._name, self._path, self._progress, self._write, self._log = name, path, progress, write, log
        self._shown: Progress | None = None
        self.page = _plain_page(name, "Its report has not been written yet.")

    def refresh(self) -> None:
        """Write the page again if the study has moved on; whatever goes wrong, the page before it stays."""
        try:
            progress = self._progress()
            if progress is None:
                self.page = _plain_page(self._name, "Not started yet.")
            elif progress != self._shown:
                self._write()
                self.page = self._path.read_bytes()
            self._shown = progress
        except Exception as error:
            self._log(f"the report was not refreshed: {first_line(error)}")


def serve_report(
    report: LiveReport,
    *,
    host: str,
    port: int,
    every: float,
    announce: Callable[[str], None],
    allow: Sequence[str] = (),
) -> None:
    """Serve the page at ``/`` until Ctrl-C or SIGTERM; ``/health`` answers too, and nothing else does.

    Args:
        report: what is served, and refreshed.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        every: seconds between two looks at the study.
        announce: takes the URL, after the first refresh.
        allow: hosts to answer for, beside those that `AllowedHosts` knows.

    Raises:
        HpoError: if the address cannot be listened on, or a host is none.
    """
    with until_told_to_end():
        try:
            server = ReportServer(host, port, report, allow)
        except OSError as error:
            raise HpoError(f"cannot serve on port {port} of {host}: {error.strerror}") from error
        with server:
            # It answers while the first report is written, which may have to read a large data set.
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                report.refresh()
                announce(server.url)
                while True:
                    time.sleep(every)
                    report.refresh()
            finally:
                server.shutdown()


@contextmanager
def until_told_to_end() -> Iterator[None]:
    """A block that Ctrl-C and SIGTERM leave at once and without an error."""
    # An exception, and not an event that the handler sets: setting one from a signal handler may wait for ever for
    # the main thread, which may just hold the event's lock.
    numbers = signal.SIGINT, signal.SIGTERM
    previous = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class ReportServer(GuardedServer, HTTPServer):
    """An HTTP server of one page, listening from its construction on.

    Args:
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        report: whose page it is.
        allow: hosts to answer for, beside those that `AllowedHosts` knows.

    Raises:
        OSError: if the address cannot be listened on.
        HpoError: if a host to answer for is none.
    """

    def __init__(self, host: str, port: int, report: LiveReport, allow: Sequence[str] = ()) -> None:
        self.report = report
        self.open_for(host, allow)
        super().__init__((host, port), _Handler)


class _Handler(GuardedHandler):
    """Answers by exact path. No file is ever looked up: models and the database lie beside the report."""

    server: ReportServer
    policy = f"{PAGE_POLICY}; frame-ancestors 'none'"

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self._answer(with_body=True)

    def do_HEAD(self) -> None:  # noqa: N802 - http.server's name
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        path = urlsplit(self.path).path
        if path == "/":
            content, kind = self.server.report.page, "text/html"
        elif path == "/health":
            content, kind = b"ok\n", "text/plain"
        else:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content)


def _plain_page(name: str, text: str) -> bytes:
    """A page that looks again by itself until there is a report."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="refresh" content="15">'
        "<style>:root { color-scheme: light dark; font-family: sans-serif }</style>"
        f"<title>{escape(name)}</title>"
    )
    body = element("body", element("h1", escape(name)), paragraph(text))
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>{body}</html>\n'.encode()
