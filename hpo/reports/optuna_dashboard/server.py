"""optuna-dashboard on a study's database, with our artifacts, figures and notes, as far as the study has come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import optuna_dashboard  # type: ignore[import-untyped]

from hpo.config.as_planned import StudyPlace, as_planned
from hpo.errors import HpoError
from hpo.reports.optuna_dashboard.publish import publish_study
from hpo.reports.page.http_guard import GuardedHandler, GuardedServer, with_headers
from hpo.reports.page.serve import until_told_to_end
from hpo.results.progress import Progress, study_progress
from hpo.stages.plan import recorded_settings
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.database import Database, open_reader
from hpo.storage.engine import is_read_only
from hpo.storage.files import Files
from hpo.storage.patience import first_line

# Its pages draw with Plotly, of which some figures compile their drawing program (regl), and style inline.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class LivePublication:
    """A study's publication, kept up to date.

    Args:
        name: of the study.
        progress: how far it has come; None before it has started.
        publish: publishes its figures and notes.
        say: takes one line about what a reader would miss.
    """

    def __init__(
        self,
        name: str,
        progress: Callable[[], Progress | None],
        publish: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._name, self._progress, self._publish, self._say = name, progress, publish, say
        self._shown: Progress | None = None
        self._said = ""

    def refresh(self) -> None:
        """Publish if the study has moved on; whatever goes wrong, what was published before stays."""
        progress = None
        try:
            progress = self._progress()
            if progress is None:
                self._say_once(f"{self._name} has not started yet; its figures and notes appear once it has")
                return
            if progress != self._shown:
                self._publish()
            self._shown, self._said = progress, ""
        except Exception as error:
            if is_read_only(error):
                self._shown = progress
                self._say_once("the database may only be read: figures and notes are those that a worker left there")
                return
            self._say_once(f"figures and notes were not refreshed: {first_line(error)}")

    def _say_once(self, line: str) -> None:
        if line != self._said:
            self._say(line)
        self._said = line


def serve_dashboard(
    place: StudyPlace,
    database: Database,
    *,
    host: str,
    port: int,
    every: float,
    announce: Callable[[str], None],
    say: Callable[[str], None],
    allow: Sequence[str] = (),
) -> None:
    """Serve optuna-dashboard until Ctrl-C or SIGTERM, and keep publishing figures and notes.

    Args:
        place: where the study is.
        database: its database, in which other Optuna studies may be: they are shown too.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        every: seconds between two looks at the study.
        announce: takes the URL, once it listens and figures and notes are published.
        say: takes one line about what a reader would miss.
        allow: hosts to answer for, beside those that `AllowedHosts` knows.

    Raises:
        HpoError: if the address cannot be listened on, or a host is none.
    """
    with until_told_to_end(), open_reader(place.database) as storage:
        app = optuna_dashboard.wsgi(storage, artifact_store=ArtifactFiles(Files(place.checkpoints)))
        try:
            server = _Server(host, port, allow)
        except OSError as error:
            raise HpoError(f"cannot serve on port {port} of {host}: {error.strerror}") from error
        with server:
            server.set_app(with_headers(app, _POLICY))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                live = LivePublication(
                    place.name,
                    lambda: study_progress(database, place),
                    lambda: publish_study(database, as_planned(place, recorded_settings(database, place.name) or {})),
                    say,
                )
                live.refresh()
                announce(server.url)
                while True:
                    time.sleep(every)
                    live.refresh()
            finally:
                server.shutdown()


class _Server(GuardedServer, WSGIServer):
    """As optuna-dashboard's own command serves, a thread for each request, but for known hosts only."""

    def __init__(self, host: str, port: int, allow: Sequence[str]) -> None:
        self.open_for(host, allow)
        super().__init__((host, port), _Handler)


class _Handler(GuardedHandler, WSGIRequestHandler):
    """The requests of optuna-dashboard's pages."""
