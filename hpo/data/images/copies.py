"""The same images in an archive and unpacked beside it are taken once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hpo.data.images.decide import Decided
from hpo.data.images.find import Search
from hpo.data.images.found import Found
from hpo.data.images.reading import Content, each

COPIES = "copies of an image of the same name, split and class that is taken from another place"


def without_copies(search: Search, images: Sequence[Decided]) -> list[Decided]:
    """The images without those that an archive repeats; a file takes precedence over an archive's member.

    Copies have the same name, split, class and bytes, and lie in different archives, or in one and in a folder.
    """
    groups: dict[tuple[str, str, int, int], list[Decided]] = {}
    for image in images:
        groups.setdefault((image.found.name, image.split, image.label, image.found.size), []).append(image)
    suspects = [
        image for group in groups.values() if len({_container(image.found) for image in group}) > 1 for image in group
    ]
    if not suspects:
        return list(images)
    digests: dict[int, str] = {}
    found = [image.found for image in suspects]
    for batch in each(found, _digest):
        digests.update(batch)
    first: dict[tuple[str, str, int, str], str] = {}
    dropped: set[int] = set()
    for at, image in sorted(enumerate(suspects), key=lambda item: item[1].found.member != ""):
        key = (image.found.name, image.split, image.label, digests[at])
        container = _container(image.found)
        if first.setdefault(key, container) != container:
            dropped.add(id(image))
            search.left_out.add(COPIES, image.found.place)
    return [image for image in images if id(image) not in dropped]


def _container(image: Found) -> str:
    return str(image.source) if image.member else ""


def _digest(content: Content) -> str:
    """Of the bytes; of a file that cannot be read it is the error, which is no other's, and is said later."""
    try:
        found = content()
    except OSError as error:
        return str(error)
    return hashlib.sha256(found if isinstance(found, bytes) else found.encode()).hexdigest()
