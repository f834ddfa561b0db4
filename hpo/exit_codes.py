"""The exit codes of ``hpo``, which launchers, Docker and Slurm act upon."""

from __future__ import annotations

FINISHED = 0
"""All is done, or a worker was asked by ``hpo stop`` to end."""

USER_ERROR = 2
"""An error that the user can mend; starting again as it is would not help."""

FAILED = 3
"""The study has come to its end without a result: every trial failed. Starting again as it is would not help."""

UNFORESEEN = 70
"""A fault of ours: the line says where the traceback is (sysexits' EX_SOFTWARE)."""

REPLACE_ME = 75
"""Try again: memory has grown past its limit, database or store were out of reach, or the study was planned anew
meanwhile (sysexits' EX_TEMPFAIL)."""

INTERRUPTED = 130
"""Ended by Ctrl-C or SIGTERM, as shells have it; what was held is given back."""

BROKEN_PIPE = 141
"""Nobody reads standard output any more, as in ``hpo status STUDY | head -1``; as shells have it."""
