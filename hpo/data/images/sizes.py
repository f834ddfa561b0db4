"""Sizes of images, from their headers alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpo.data.images.found import Found, shown
from hpo.data.images.reading import Content, each
from hpo.data.images.taking import Refusal, look_at
from hpo.data.progress import Progress
from hpo.errors import DataError

Size = tuple[int, int]
"""Width and height, pixels."""


def read_sizes(images: Sequence[Found], progress: Progress) -> list[Size | None]:
    """The size of each image; None where its header cannot be read."""
    sizes: list[Size | None] = [None] * len(images)
    done = 0
    for batch in each(images, _size):
        for at, size in batch:
            sizes[at] = size
        done += len(batch)
        progress("reading headers", done, len(images))
    return sizes


def _size(content: Content) -> Size | None:
    opened = look_at(content)
    return None if isinstance(opened, Refusal) else (opened[1].width, opened[1].height)


def side_of(images: Sequence[Found], progress: Progress, *, is_careful: bool) -> int:
    """The side that patches have: the first image's, or the commonest one.

    Args:
        images: at least one.
        progress: takes the number of headers read, where all are.
        is_careful: whether all images are asked, not the first one alone.

    Raises:
        DataError: if no image is a square.
    """
    if not is_careful:
        first = read_sizes(images[:1], lambda *_: None)[0]
        if first is not None and first[0] == first[1]:
            return first[0]
    sizes = Counter(size for size in read_sizes(images, progress) if size is not None)
    squares = Counter({size: count for size, count in sizes.items() if size[0] == size[1]})
    if not squares:
        example = shown(images[0].place)
        said = f"no image is a square: {size_words(sizes)}, such as {example}" if sizes else _all_damaged(images)
        raise DataError(f"{said}; patches are squares: --resize N, --crop N (the centre) or --tile N makes them")
    return squares.most_common(1)[0][0][0]


def _all_damaged(images: Sequence[Found]) -> str:
    return f"none of the {len(images)} images can be read, such as {images[0].place}"


def size_words(sizes: Counter[Size]) -> str:
    """Sizes and how many images have them, the commonest first."""
    named = ", ".join(f"{width} x {height} ({count})" for (width, height), count in sizes.most_common(4))
    return named + (f" and {len(sizes) - 4} other sizes" if len(sizes) > 4 else "")
