"""Reads image files in batches that memory has room for, some at a time by as many threads as there are cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from hpo.data.images.archives import LARGEST_FILE, read_members
from hpo.data.images.found import Found
from hpo.data.images.silence import libraries_silenced
from hpo.machine import available_cores

BATCH = 256
"""Images in memory at most."""
BATCH_BYTES = 1 << 26
"""Bytes in memory at most, encoded and decoded; a single image may be larger."""

Content = Callable[[], bytes | str]
T = TypeVar("T")


def each(
    images: Sequence[Found], work: Callable[[Content], T], bytes_of: Callable[[int], int] = lambda _: 0
) -> Iterator[list[tuple[int, T]]]:
    """Applies a function to the bytes of every image; those in archives come in the archives' order.

    Args:
        images: where the bytes are.
        work: called in threads, with a function that gives the bytes or what is wrong with them.
        bytes_of: bytes that the result for an image will take, by its position.

    Yields:
        batches of positions and results.

    Raises:
        DataError: if an archive is damaged.
    """
    with libraries_silenced(), ThreadPoolExecutor(available_cores()) as pool:
        for batch in _batches(images, bytes_of):
            results = pool.map(work, [content for _, content in batch])
            yield list(zip([at for at, _ in batch], results, strict=True))


def _batches(images: Sequence[Found], bytes_of: Callable[[int], int]) -> Iterator[list[tuple[int, Content]]]:
    batch: list[tuple[int, Content]] = []
    size = 0
    for at, content in _contents(images):
        more = images[at].size + bytes_of(at)
        if batch and (len(batch) >= BATCH or size + more > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((at, content))
        size += more
    if batch:
        yield batch


def _contents(images: Sequence[Found]) -> Iterator[tuple[int, Content]]:
    """Each image's bytes: those of an archive in its order, which a compressed one needs."""
    archives: dict[str, dict[int, list[int]]] = {}
    for at, image in enumerate(images):
        if image.size > LARGEST_FILE:
            yield (
                at,
                partial(str, f"{image.size:,} bytes; an image file may have {LARGEST_FILE:,}; cut it into tiles first"),
            )
        elif image.offset >= 0:
            yield at, partial(_piece, image)
        elif image.member:
            archives.setdefault(str(image.source), {}).setdefault(image.index, []).append(at)
        else:
            yield at, image.source.read_bytes
    for wanted in archives.values():
        source = images[next(iter(wanted.values()))[0]].source
        for index, content in read_members(source, wanted):  # an archive is read by one thread
            for at in wanted[index]:
                yield at, partial(_same, content)


def _piece(image: Found) -> bytes:
    """A member of a tar that is not compressed."""
    with image.source.open("rb", buffering=0) as file:
        file.seek(image.offset)
        return file.read(image.size)


def _same(content: bytes | str) -> bytes | str:
    return content
