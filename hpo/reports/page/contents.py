"""A panel's contents, as every page of ours has them."""

from __future__ import annotations

from collections.abc import Callable

from hpo.reports.page.shell import Heading, PanelContents
from hpo.reports.panel import BrokenPanelError, Data, NotAskedError, NotThereError, Options, Panel, Subject
from hpo.reports.plot.looks import Looks


def contents(
    panel: Panel[Subject, Options, Data],
    subject: Subject,
    options: Options,
    looks: Looks,
    heading: Heading,
    *,
    anchor: str,
    detail: str = "",
    say: Callable[[str], object] | None = None,
) -> PanelContents:
    """Read and draw a panel, or say what is missing.

    Args:
        panel: which.
        subject: one study's results, or several studies.
        options: as the panel takes them.
        looks: the architectures'.
        heading: on top of it.
        anchor: its address on the page.
        detail: tells it from others of its kind.
        say: takes one line for the terminal if it is the user's own and went wrong.

    Raises:
        NotAskedError: if the panel is about something that the study does not ask for.
    """
    try:
        data = panel.read(subject, options)
    except NotAskedError:
        raise
    except NotThereError as missing:
        if say is not None and isinstance(missing, BrokenPanelError):
            say(f"panel '{heading.title}': {missing}")
        return PanelContents(heading, anchor, None, str(missing), detail=detail)
    drawing = panel.draw(data, looks)
    return PanelContents(heading, anchor, drawing, panel.finding(data), panel.explain(data), detail)
