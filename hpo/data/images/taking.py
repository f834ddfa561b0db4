"""One image file: refused, mostly by its header alone, or decoded to patches in bounded memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import Condition
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from hpo.data.images.archives import LARGEST_FILE
from hpo.data.images.decoding import Taken, Want, decode
from hpo.data.images.found import one_line
from hpo.data.images.header import Header, open_image, read_header

LARGEST_IMAGE = 1 << 26
"""Pixels that an image may have: 8192 x 8192."""
DECODED_BYTES = 1 << 28
"""Bytes that images being decoded at the same time may take together; a larger one is decoded alone."""
_SMALL = 1 << 20
_BYTES_PER_PIXEL = 8  # Pillow's four, three of the array, and the decoder's own

Fault = Literal["damaged", "size", "bits", "deep", "colour", "pages", "large"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an image gives no patches."""

    kind: Fault
    text: str


class _Budget:
    """Lets threads decode as long as their images fit into so many bytes together."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used, self._changed = limit, 0, Condition()

    def room(self, size: int) -> AbstractContextManager[None]:
        """Waits until there is room; small images need none."""
        return nullcontext() if size < _SMALL else self._room(size)

    @contextmanager
    def _room(self, size: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + size <= self._limit)
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()


_budget = _Budget(DECODED_BYTES)


def take_image(content: Callable[[], bytes | str], want: Want) -> Taken | Refusal:
    """Reads, judges and decodes one image file; whatever is wrong with it is returned.

    Args:
        content: gives the file's bytes, or what is wrong with them.
        want: what patches are to be made.
    """
    opened = look_at(content)
    if isinstance(opened, Refusal):
        return opened
    picture, header = opened
    fault = judge(header, want)
    if fault is not None:
        return fault
    try:
        with _budget.room(header.pixels * _BYTES_PER_PIXEL):
            taken = decode(picture, header, want)
    except Exception as error:  # Pillow raises what it likes: OSError, SyntaxError, struct.error, zlib.error, ...
        return Refusal("damaged", f"damaged ({_fault_words(error)}); replace or remove it")
    digests = b"".join(hashlib.sha256(patch).digest() for patch in taken.patches)
    taken.hashes = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)
    return taken


def look_at(content: Callable[[], bytes | str]) -> tuple[Image.Image, Header] | Refusal:
    """Opens an image file and reads its header."""
    try:
        found = content()
    except OSError as error:
        return Refusal("damaged", f"cannot be read: {error.strerror or error}")
    if isinstance(found, str):
        return Refusal("damaged", found)
    if len(found) > LARGEST_FILE:
        return Refusal("large", f"more than {LARGEST_FILE:,} bytes; cut it into tiles first")
    try:
        picture = open_image(io.BytesIO(found))
        return picture, read_header(picture, found[:4096])
    except Image.DecompressionBombError:
        return Refusal("large", f"more than {LARGEST_IMAGE:,} pixels; cut it into tiles first")
    except Exception as error:
        return Refusal(
            "damaged", f"damaged or not an image ({_looks_like(found) or _fault_words(error)}); replace or remove it"
        )


def judge(header: Header, want: Want) -> Refusal | None:
    """The reasons in a header that keep the image out."""
    size = f"{header.width} x {header.height} pixels"
    if header.pixels > LARGEST_IMAGE:
        return Refusal("large", f"{size}; an image may have {LARGEST_IMAGE:,}; cut it into tiles first")
    if header.pages > 1:
        return Refusal("pages", "several pages or frames; an image file must hold one picture")
    if header.bits > 16 or (header.bits > 8 and header.kind == "JPEG2000"):
        return Refusal("deep", f"{header.bits} bits per channel ({header.mode}); patches have 8: convert it first")
    if header.bits > 8 and header.apart:  # which Pillow misreads
        return Refusal("deep", f"{header.bits} bits per channel, each channel by itself; save it as 8 bits first")
    if header.bits > 8 and want.sixteen_bit is None:
        return Refusal("bits", f"{header.bits} bits per channel ({header.mode}); patches have 8")
    if header.colours == "other" or not (
        want.to_rgb or want.channels == 1 or header.colours in ("RGB", "palette", "YCbCr")
    ):
        return Refusal("colour", f"mode {header.mode} ({header.colours}); patches are RGB, 8 bits per channel")
    if want.fit is None and (header.width, header.height) != (want.side, want.side):
        return Refusal("size", f"{size}; every patch must be {want.side} x {want.side}")
    if want.fit == "crop" and min(header.width, header.height) < want.side:
        return Refusal("size", f"{size}; too small to crop to {want.side} x {want.side}")
    return None


def _looks_like(content: bytes) -> str:
    """The kind of a file that is no image, by its first bytes."""
    head = content[:512].lstrip().lower()
    if not content:
        return "empty, 0 bytes"
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return "a web page, as a failed download leaves it"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer; run git lfs pull"
    if content.startswith(b"%PDF"):
        return "a PDF"
    if not any(content):
        return "nothing but zero bytes"
    return ""


def _fault_words(error: Exception) -> str:
    return "of no kind that is read here" if isinstance(error, UnidentifiedImageError) else one_line(error)
