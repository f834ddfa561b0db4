"""Images that cannot be taken: all of them named in one message, with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpo.data.images.find import Search
from hpo.data.images.found import Found
from hpo.data.images.taking import Fault, Refusal
from hpo.errors import DataError

NAMED = 20  # offenders that a message names
REASONS: dict[Fault, str] = {
    "damaged": "damaged images",
    "size": "images of another size",
    "bits": "images of more than 8 bits per channel",
    "deep": "images of too many bits per channel",
    "colour": "images of other colours than RGB",
    "pages": "images of several pages",
    "large": "images too large",
}
_ADVICE: dict[Fault, str] = {
    "size": "--resize {side}, --crop {side} (the centre) or --tile {side} (cuts) makes images of other sizes fit",
    "bits": "--sixteen-bit 0-4095 (the values' own range) scales 16 bits to 8; with --to-rgb or --grey for grey images",
    "colour": "--to-rgb converts grey, black-and-white, CMYK and LAB images; --grey makes patches of one channel",
}

Refused = Sequence[tuple[Found, Refusal]]


def refuse(refused: Refused, unreadable: Sequence[str], images: int, side: int) -> None:
    """Raises what is wrong with the images that cannot be taken, if there are any.

    Raises:
        DataError: the first twenty with a line each, then how many there are and what to do.
    """
    lines = [*unreadable, *(f"{image.place}: {refusal.text}" for image, refusal in refused)]
    if not lines:
        return
    shown_lines = lines[:NAMED]
    if len(lines) > NAMED:
        shown_lines.append(f"... and {len(lines) - NAMED} more")
    kinds = Counter(refusal.kind for _, refusal in refused)
    counts = ", ".join(f"{count} {REASONS[kind].replace('images', '').strip()}" for kind, count in kinds.items())
    advice = [_ADVICE[kind].format(side=side) for kind in kinds if kind in _ADVICE]
    summary = "; ".join(
        [
            f"{len(refused)} of {images} images cannot be taken ({counts})"
            if refused
            else "not everything can be read",
            *advice,
            "--skip-damaged leaves out all that cannot be taken",
        ]
    )
    raise DataError("\n".join([*shown_lines, summary]))


def leave_out(found: Search, refused: Refused) -> None:
    """Adds images that cannot be taken to the account, as ``--skip-damaged`` asks."""
    for image, refusal in refused:
        found.left_out.add(REASONS[refusal.kind], f"{image.place} ({refusal.text})")
    for line in found.unreadable:
        found.left_out.add("files or folders that cannot be read", line)
