"""A mistaken patch as a page shows it: the picture, the probability below it, and where it is from."""

from __future__ import annotations

import base64

from hpo.reports.html import Html, element, escape
from hpo.results.data import Mistake
from hpo.results.words import count, number


def mistake_picture(mistake: Mistake, said: str) -> Html:
    """The patch with its caption.

    Args:
        mistake: the patch.
        said: what it is and is called, for those who cannot see it.
    """
    slide = f" of {mistake.slide}" if mistake.slide else ""
    file = f", {mistake.file}" if mistake.file else ""
    description = f"Test patch {count(mistake.row)}{slide}{file}: {said}"
    source = f"data:image/jpeg;base64,{base64.b64encode(mistake.image).decode()}"
    image = Html(f'<img alt="{escape(description)}" src="{source}" loading="lazy">')
    where = f"{mistake.slide} " if mistake.slide else ""
    caption = [escape(number(mistake.probability, 2)), element("small", escape(f"{where}#{mistake.row}"))]
    if mistake.file:
        caption.append(element("small", escape(mistake.file)))
    return element("figure", image, element("figcaption", *caption))
