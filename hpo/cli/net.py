"""The frame of every command: no noise of libraries, and one line for any error."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from hpo.errors import HpoError, StopRequestedError, StudyFailedError
from hpo.exit_codes import BROKEN_PIPE, FAILED, INTERRUPTED, REPLACE_ME, UNFORESEEN, USER_ERROR
from hpo.file_faults import described
from hpo.plain import PlainFormatter, printable_lines
from hpo.secrets import without_secrets

LOG_VARIABLE = "HPO_LOG"
"""Environment variable: what is logged on standard error. ``debug`` also prints tracebacks and others' warnings."""

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}

_log = logging.getLogger("hpo")


def run_command(command: Callable[[], object]) -> int:
    """Run a command; any error is one line on standard error.

    Args:
        command: returns its exit code, or anything else for 0.

    Returns:
        The exit code of the process.
    """
    _print_anything()
    try:
        with _quiet_surroundings(_asked_level()):
            return _status(command)
    except HpoError as error:  # HPO_LOG itself
        _say(str(error))
        return USER_ERROR


def log_to_terminal(line_format: str, least: int) -> None:
    """Log on standard error from now on: this package's records, and errors of others.

    Args:
        line_format: of a line.
        least: the level where HPO_LOG does not say.
    """
    root, level = logging.getLogger(), _asked_level() or least
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter(line_format))
    if level > logging.DEBUG:
        handler.addFilter(lambda record: record.name.partition(".")[0] == "hpo" or record.levelno >= logging.ERROR)
    handler.setLevel(level)
    root.handlers = [handler, *(other for other in root.handlers if not isinstance(other, logging.StreamHandler))]
    _log.setLevel(min(level, logging.INFO))  # for files


def _status(command: Callable[[], object]) -> int:
    try:
        result = command()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except StopRequestedError as error:
        going_on = "the same command continues" if error.go_on is None else f"{error.go_on} continues"
        _say(f"stopped; every finished epoch is kept, and {going_on} from there")
        return INTERRUPTED
    except KeyboardInterrupt:
        _say("stopped at once; every finished epoch is kept")
        return INTERRUPTED
    except StudyFailedError as error:
        _say(str(error))
        return FAILED
    except HpoError as error:
        _debug()
        _say(str(error))
        return REPLACE_ME if error.is_passing else USER_ERROR
    except BrokenPipeError:
        _leave_output()
        return BROKEN_PIPE
    except SystemExit as ended:
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":  # what Typer leaves after a broken pipe
            _leave_output()
            return BROKEN_PIPE
        return ended.code if isinstance(ended.code, int) else USER_ERROR * bool(ended.code)
    except OSError as error:
        _debug()
        _say(described(error))
        _leave_output()
        return USER_ERROR
    except Exception as error:
        return _usage(error) or _unforeseen(error)


def _usage(error: Exception) -> int:
    """Print an error of the command line and return its exit code; 0 for any other error.

    Typer's errors are Click's in some of its versions and its own in others.
    """
    message, status = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if not callable(message) or not isinstance(status, int):
        return 0
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # type: ignore[attr-defined]
    else:
        advice = f"; see: {context.command_path} --help" if context is not None else ""
        _say(" ".join(str(message()).split()).rstrip(".") + advice)
    return status


def _unforeseen(error: Exception) -> int:
    _debug()
    place = _kept_traceback()
    kept = f"; the whole traceback: {place}" if place is not None else "; HPO_LOG=debug prints the traceback"
    text = " ".join(str(error).split())
    _say(f"unforeseen {type(error).__name__}{': ' if text else ''}{text[:500]}{kept}")
    return UNFORESEEN


def _kept_traceback() -> Path | None:
    """Write the current exception to the study's logs or the temporary folder, and return the file."""
    text = without_secrets(
        f"hpo {version('hpo')}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{traceback.format_exc()}"
    )
    name = f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{time.monotonic_ns() % 1_000_000}.txt"
    for folder in (_study_logs, _temporary):
        with suppress(Exception):
            place = folder() / name
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
                file.write(text)
            return place
    return None


def _study_logs() -> Path:
    from hpo.config.load import load_study

    output = next(load_study(word).output for word in sys.argv[1:] if word.endswith((".yaml", ".yml")))
    if not output.is_dir():
        raise FileNotFoundError(output)
    (output / "logs").mkdir(exist_ok=True)
    return output / "logs"


def _temporary() -> Path:
    return Path(tempfile.gettempdir())


def _say(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # nobody may be there to read it
        sys.stderr.write("".join(f"hpo: {line}\n" for line in printable_lines(text)))
        sys.stderr.flush()


def _debug() -> None:
    _log.debug("traceback", exc_info=True)


def _asked_level() -> int:
    """The level that HPO_LOG sets; 0 if it is unset.

    Raises:
        HpoError: if it is no level.
    """
    word = os.environ.get(LOG_VARIABLE, "").strip().lower()
    if word and word not in LEVELS:
        raise HpoError(f"environment variable {LOG_VARIABLE}: found {word!r}; allowed: {', '.join(LEVELS)}")
    return LEVELS.get(word, 0)


@contextmanager
def _quiet_surroundings(asked: int) -> Iterator[None]:
    """Suppress others' warnings and threads' tracebacks, unless HPO_LOG=debug."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), _log.level
    hooks = threading.excepthook, sys.unraisablehook, logging.raiseExceptions
    log_to_terminal("hpo: %(message)s", logging.WARNING)
    try:
        with warnings.catch_warnings() if asked != logging.DEBUG and not sys.warnoptions else contextlib.nullcontext():
            if asked != logging.DEBUG and not sys.warnoptions:
                warnings.simplefilter("ignore")
            if asked != logging.DEBUG:
                threading.excepthook = _thread_died
                logging.raiseExceptions = False  # a log on a full disk
                sys.unraisablehook = lambda _: None
            yield
    finally:
        root.handlers = handlers
        _log.setLevel(level)
        threading.excepthook, sys.unraisablehook, logging.raiseExceptions = hooks


def _thread_died(arguments: threading.ExceptHookArgs) -> None:
    name = arguments.thread.name if arguments.thread is not None else "?"
    _log.warning("thread %s ended: %s: %s", name, arguments.exc_type.__name__, arguments.exc_value)


def _print_anything() -> None:
    """Let standard output and error take every character in any encoding."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _leave_output() -> None:
    """Discard what is still to be written to a broken standard output."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
