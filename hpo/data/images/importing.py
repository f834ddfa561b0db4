"""Images in folders, tars and zips, converted to PCam's HDF5 format."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hpo.data.description import Description, write_description
from hpo.data.images.account import Imported, count_repeats, slide_notes
from hpo.data.images.classes import ClassChoice, parse_classes
from hpo.data.images.copies import without_copies
from hpo.data.images.decide import Decided, Wishes, decide
from hpo.data.images.decoding import Want
from hpo.data.images.find import Search, search
from hpo.data.images.found import natural, shown
from hpo.data.images.labels import Labels, read_labels
from hpo.data.images.refusals import leave_out, refuse
from hpo.data.images.sizes import read_sizes, side_of
from hpo.data.images.slides import SlideRule, parse_slide_rule, slides_of, suggestion
from hpo.data.images.staging import staged
from hpo.data.images.writing import ToWrite, Written, write_split
from hpo.data.pcam import SPLITS, SplitName, split_files
from hpo.data.progress import Progress, silent
from hpo.errors import DataError

NO_TILE = "images smaller than a tile"
TILES_TOGETHER = "slides: unknown; the tiles of one image are kept together, as those of one slide"


@dataclass(frozen=True)
class Options:
    """Options of an import, as the command line has them.

    Args:
        classes: the classes in the order of their labels: ``A,B`` or ``name=folder+folder,name=folder``; None takes the
            class folders that there are, in the order of a dictionary.
        labels: a table of labels; None takes folders.
        slide_from: ``folder:N``, ``regex:(...)`` or ``column:NAME``; None takes a table's column of slides.
        patch_size: side that the images must have, pixels; None takes the first image's.
        resize: side that images are resized to, pixels.
        crop: side of the centre that is taken of images.
        tile: side of the tiles that images are cut into.
        to_rgb: whether grey, CMYK and LAB images are converted.
        grey: whether patches have one channel, to which images in colour are converted.
        sixteen_bit: range of the values of 16-bit images, such as ``0-4095``; None refuses them.
        only: names of folders; images in others are left out.
        ignore_splits: whether folders' names say no split.
        follow_links: whether links are followed.
        skip_damaged: whether images that cannot be taken are left out, rather than the import be refused.
        overwrite: whether a data set that is there may be replaced.
    """

    classes: str | Sequence[str] | None = None
    labels: Path | None = None
    slide_from: str | None = None
    patch_size: int | None = None
    resize: int | None = None
    crop: int | None = None
    tile: int | None = None
    to_rgb: bool = False
    grey: bool = False
    sixteen_bit: str | None = None
    only: Sequence[str] = ()
    ignore_splits: bool = False
    follow_links: bool = False
    skip_damaged: bool = False
    overwrite: bool = False


def import_images(
    source: Path, destination: Path, options: Options | None = None, *, progress: Progress = silent
) -> Imported:
    """Converts images to PCam's HDF5 files, all of them or none.

    An image's class is the name of its folder, or what a table of labels says. Its split is said by a folder above it
    or by its archive's name, as a whole word: ``train``, ``valid`` (or ``val``, ``validation``, ``dev``) or ``test``;
    images without any are one labelled set, ``patches_x.h5`` and ``patches_y.h5``, for the study file's ``data.split``
    to split. Rows are in the natural order of the file names, without their folders, so that ``patch0000004.jpg`` comes
    after ``patch0000000.jpg`` whatever their classes. A table beside them names each row's file.

    Args:
        source: a folder of images or of archives, or one tar or zip.
        destination: folder for the HDF5 files.
        options: what else the user says; None says nothing.
        progress: takes the numbers of images done and to do.

    Raises:
        DataError: if there are no images or less than two classes, or an image cannot be taken.
    """
    options = options or Options()
    choice = None if options.classes is None else parse_classes(options.classes)
    rule = None if options.slide_from is None else parse_slide_rule(options.slide_from)
    want = _want(options)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # we judge images ourselves, and say it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's
        found = search(source, spare=destination, follow_links=options.follow_links)
        if not found.images:
            raise DataError(_nothing(found))
        table, notes = _table(found, options, rule)
        choice, images = decide(found, Wishes(choice, table, options.ignore_splits, tuple(options.only)))
        images = without_copies(found, images)
        with staged(destination, overwrite=options.overwrite) as stage:
            written, want, has_slides = _write(found, images, rule, want, options.skip_damaged, stage, progress)
            imported = _account(found, images, choice, written, want, has_slides)
            _check_classes(source, imported)
            write_description(stage, Description(imported.classes))
    return replace(imported, notes=(*notes, *imported.notes))


def _check_classes(source: Path, imported: Imported) -> None:
    for label, name in enumerate(imported.classes):
        if not sum(counts[label] for counts in imported.counts.values()):
            raise DataError(f"{shown(str(source))}: no image of {name} can be taken")


def _want(options: Options) -> Want:
    """The patches that are wanted; side 0 is unknown yet."""
    sides = {"resize": options.resize, "crop": options.crop, "tile": options.tile}
    given = [(name, side) for name, side in sides.items() if side is not None]
    if len(given) > 1 or (given and options.patch_size not in (None, given[0][1])):
        names = [f"--{name}" for name, _ in given] + (["--patch-size"] if options.patch_size is not None else [])
        raise DataError(
            f"{' and '.join(names)} contradict each other; give one of --patch-size, --resize, --crop, --tile"
        )
    fit, side = given[0] if given else (None, options.patch_size or 0)
    if given and not 1 <= side <= 4096:
        raise DataError(f"--{fit} {side}: patches have 1 to 4096 pixels per side")
    if options.grey and options.to_rgb:
        raise DataError("--grey and --to-rgb contradict each other; give one: patches have one channel or three")
    return Want(
        side,
        fit,  # type: ignore[arg-type]
        options.to_rgb,
        _range(options.sixteen_bit),
        channels=1 if options.grey else 3,
    )


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    low, _, high = text.partition("-")
    if not (low.strip().isdecimal() and high.strip().isdecimal() and 0 <= int(low) < int(high) <= 65535):
        raise DataError(f"--sixteen-bit {text}: a range such as 0-4095, within 0 to 65535")
    return int(low), int(high)


def _nothing(found: Search) -> str:
    said = "; ".join(found.left_out.lines() + found.unreadable)
    return (
        f"{shown(str(found.source))}: no images found (.png, .jpg, .tif, .bmp, .webp or .jp2 in class folders, or tars "
        f"or zips of them){f'; left out: {said}' if said else ''}"
    )


def _table(found: Search, options: Options, rule: SlideRule | None) -> tuple[Labels | None, list[str]]:
    """The table of labels, and what is to be said of it."""
    if options.labels is None:
        if rule is not None and rule.column is not None:
            raise DataError(f"--slide-from column:{rule.column}: is of a table of labels; give one with --labels")
        return None, []
    table = read_labels(options.labels, None if rule is None else rule.column)
    unmatched = table.match(found.images, found.source)
    notes = []
    if unmatched:
        examples = ", ".join(map(shown, unmatched[:3])) + (" ..." if len(unmatched) > 3 else "")
        notes.append(
            f"labels: {len(unmatched)} of {table.count} rows of {shown(str(table.path))} name no image that was found: "
            f"{examples}"
        )
    return table, [*notes, *table.remarks(slides_elsewhere=rule is not None)]


def _write(
    found: Search,
    images: list[Decided],
    rule: SlideRule | None,
    want: Want,
    skip: bool,
    stage: Path,
    progress: Progress,
) -> tuple[dict[SplitName, Written], Want, bool]:
    """Writes all splits; returns them, the patches that were made, and whether slides are known."""
    slides = slides_of(images, rule)
    names = slides or (
        [image.found.relative(found.source) for image in images] if want.fit == "tile" else [""] * len(images)
    )
    by_split: dict[SplitName, list[ToWrite]] = {}
    for image, slide in sorted(zip(images, names, strict=True), key=lambda pair: _order(pair[0])):
        by_split.setdefault(image.split, []).append(ToWrite(image.found, image.label, slide))
    by_split = {name: by_split[name] for name in (*SPLITS, "patches") if name in by_split}
    every = [image.found for part in by_split.values() for image in part]
    if not want.side:
        want = replace(want, side=side_of(every, progress, is_careful=skip))
    if want.fit == "tile":
        by_split = _tiled(found, by_split, want.side, progress)
    done, total = 0, sum(len(part) for part in by_split.values())
    written: dict[SplitName, Written] = {}
    for name, part in by_split.items():

        def tick(what: str = f"importing {name}") -> None:
            nonlocal done
            done += 1
            progress(what, done, total)

        written[name] = write_split(split_files(stage, name), part, want, found.source, tick, skip=skip)
    refused = [refusal for part in written.values() for refusal in part.refused]
    if not skip:
        refuse(refused, found.unreadable, total, want.side)
    leave_out(found, refused)
    return written, want, slides is not None


def _order(image: Decided) -> tuple[object, ...]:
    return natural(image.found.name), image.label, natural("/".join(image.found.parts))


def _tiled(
    found: Search, by_split: dict[SplitName, list[ToWrite]], side: int, progress: Progress
) -> dict[SplitName, list[ToWrite]]:
    """The number of tiles of each image; those without any are left out."""
    tiled: dict[SplitName, list[ToWrite]] = {}
    for name, part in by_split.items():
        for image, size in zip(part, read_sizes([image.found for image in part], progress), strict=True):
            tiles = 1 if size is None else (size[0] // side) * (size[1] // side)  # a damaged one is refused later
            if tiles:
                tiled.setdefault(name, []).append(replace(image, patches=tiles))
            else:
                found.left_out.add(NO_TILE, image.found.place)
    if not tiled:
        raise DataError(f"{shown(str(found.source))}: every image is smaller than a tile of {side} x {side} pixels")
    return tiled


def _split_notes(written: dict[SplitName, Written]) -> list[str]:
    names = list(written)
    if names in (["patches"], ["train"]):
        return ["splits: one labelled set; data.split in the study file says how to split it"]
    missing = [name for name in SPLITS if name not in names]
    if not missing:
        return []
    return [
        f"splits: {' and '.join(missing)} missing, which a study needs; --ignore-splits makes one set of all, for "
        "data.split in the study file to split"
    ]


def _account(
    found: Search,
    images: list[Decided],
    choice: ClassChoice,
    written: dict[SplitName, Written],
    want: Want,
    has_slides: bool,
) -> Imported:
    labels = len(choice.names)
    counts = {name: part.counts(labels) for name, part in written.items()}
    changes: Counter[str] = Counter()
    for part in written.values():
        changes.update(part.changes)
    slides = {name: part.slides for name, part in written.items()} if has_slides else None
    notes = list(slide_notes(slides, suggestion(images, choice)))
    if want.fit == "tile":
        left_over = sum(part.left_over for part in written.values())
        notes = notes if has_slides else [TILES_TOGETHER]
        notes.append(f"tiles: {left_over:,} pixels at right and lower edges fill no tile of {want.side} x {want.side}")
    notes += _split_notes(written)
    notes += [
        f"classes: {name} has no patch of {choice.names[found_counts.index(0)]}, so that nothing can be measured on it"
        for name, found_counts in counts.items()
        if 0 in found_counts
    ]
    return Imported(
        classes=choice.names,
        counts=counts,
        patch_size=want.side,
        files=found.files,
        images=sum(part.images for part in written.values()),
        left_out=found.left_out,
        changes=dict(changes),
        repeats=count_repeats(
            {name: part.hashes for name, part in written.items()}, {name: part.labels for name, part in written.items()}
        ),
        slides=None if slides is None else {name: len(set(part)) for name, part in slides.items()},
        notes=tuple(notes),
    )
