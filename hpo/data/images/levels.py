"""Levels of folders: which of those on an image's path is its class, and which others might be meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpo.data.images.classes import ClassChoice, option
from hpo.data.images.found import Found, folded, natural, shown
from hpo.data.images.splits import splits_named
from hpo.data.naming import MOST_CLASSES
from hpo.errors import DataError


def class_folder(image: Found) -> str:
    """The folder that an image lies in, or the one above it where that says a split; empty if there is none."""
    return next((part for part in reversed(image.folders) if not splits_named(part)), "")


def rival_levels(images: Sequence[Found], own: set[str]) -> list[tuple[str, ...]]:
    """Levels of folders, counted from the top, that may hold the classes rather than the class folders do.

    Such a level has exactly two names, or, where there are more than two class folders, fewer than those.
    """
    most = max(2, min(len(own) - 1, MOST_CLASSES))
    levels: dict[int, dict[str, str]] = {}
    counts: Counter[int] = Counter()
    in_folders = 0
    for image in images:
        folders = [part for part in image.folders if not splits_named(part)]
        in_folders += bool(folders)
        for level, part in enumerate(folders):
            counts[level] += 1
            names = levels.setdefault(level, {})
            if len(names) <= most:
                names.setdefault(folded(part), part)
    return [
        tuple(sorted(names.values(), key=lambda name: natural(folded(name))))
        for level, names in levels.items()
        if 2 <= len(names) <= most and counts[level] == in_folders and set(names) != own
    ]


def refuse_nested(source: str, images: Sequence[Found], choice: ClassChoice) -> None:
    """See that no class folder, or archive taken for one, holds other class folders: it rather has stray images.

    Raises:
        DataError: if one does.
    """
    own = {folded(name): name for name in choice.names}
    for image in images:
        inner = class_folder(image)
        outer = [part for part in image.folders if folded(part) in own and folded(part) != folded(inner)]
        if inner and outer:
            others = [name for name in choice.names if folded(name) != folded(outer[0])]
            raise DataError(
                f"{source}: found {len(own)} class folders: {', '.join(choice.names[:12])}; images lie in "
                f"{shown(outer[0])} itself, and in the class folder {shown(inner)} within it. Move them, or name the "
                f"classes: {option(others)}"
            )
