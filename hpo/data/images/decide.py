"""Decides each image's split and class, from the folders on its path or from a table of labels, or says why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.data.images.classes import ClassChoice, choose_classes, normal_first, option, quoted
from hpo.data.images.find import Search
from hpo.data.images.found import Found, folded, shown
from hpo.data.images.labels import Labels, is_table_of_labels
from hpo.data.images.levels import class_folder, refuse_nested, rival_levels
from hpo.data.images.splits import splits_named
from hpo.data.pcam import SplitName
from hpo.errors import DataError

NAMED = 20  # offenders that a message names
NO_CLASS = "images in no class folder"
NOT_CHOSEN = "images of no class that --classes names"
NO_LABEL = "images without a label in the table"
MISSING = frozenset({"nan", "<na>", "n/a", "#n/a", "null"})
"""What pandas, R, spreadsheets and databases write for a label that is missing, folded."""
NOT_ONLY = "images in no folder that --only names"


@dataclass(frozen=True, slots=True)
class Decided:
    """An image whose split and label are known; ``slide`` is empty where the table names none."""

    found: Found
    split: SplitName
    label: int
    slide: str = ""


@dataclass(frozen=True)
class Wishes:
    """The user's choices about splits and classes.

    Args:
        classes: which folders are which class; None takes the class folders that there are.
        labels: a table that says each image's label; None takes folders.
        ignore_splits: whether all images become one labelled set, whatever their folders are called.
        only: names of folders; an image counts if one of them is on its path. Empty takes all.
    """

    classes: ClassChoice | None = None
    labels: Labels | None = None
    ignore_splits: bool = False
    only: tuple[str, ...] = ()


def decide(search: Search, wishes: Wishes) -> tuple[ClassChoice, list[Decided]]:
    """The classes, and the images to take; the others are added to the search's account.

    Raises:
        DataError: if there are less than two classes, or something says two things of one image.
    """
    images = _filtered(search, wishes.only)
    if wishes.labels is not None:
        choice, labelled = _by_table(search, images, wishes.labels, wishes.classes)
    elif wishes.classes is not None:
        choice, labelled = wishes.classes, _by_choice(search, images, wishes.classes)
    else:
        choice, labelled = _by_folder(search, images)
    return choice, _with_splits(labelled, wishes, choice)


def _filtered(search: Search, only: Sequence[str]) -> list[Found]:
    if not only:
        return search.images
    wanted = set(map(folded, only))
    kept = []
    for image in search.images:
        if wanted.intersection(map(folded, image.folders)):
            kept.append(image)
        else:
            search.left_out.add(NOT_ONLY, image.place)
    if not kept:
        raise DataError(f"{_source(search)}: no image lies in a folder called {' or '.join(map(shown, only))} (--only)")
    return kept


Labelled = list[tuple[Found, int]]


def _by_choice(search: Search, images: list[Found], choice: ClassChoice) -> Labelled:
    lookup = choice.lookup()
    taken: Labelled = []
    both: list[Found] = []
    missing = set(lookup)
    names: Counter[str] = Counter()
    for image in images:
        hits = [folded(part) for part in image.folders if folded(part) in lookup]
        missing.difference_update(hits)
        labels = {lookup[hit] for hit in hits}
        if len(labels) > 1:
            both.append(image)
        elif labels:
            taken.append((image, labels.pop()))
        else:
            own = class_folder(image)
            names[own] += 1
            search.left_out.add(NOT_CHOSEN, image.place, own or "in no folder")
    if missing:
        raise DataError(_not_there(search, missing, images))
    if both:
        raise DataError(
            _listed(
                both,
                f"lies in folders of {'both' if len(choice.names) == 2 else 'several'} classes",
                "--classes must name folders of which no image has two",
            )
        )
    return taken


def _not_there(search: Search, missing: set[str], images: list[Found]) -> str:
    there: dict[str, None] = dict.fromkeys(shown(part) for image in images for part in reversed(image.folders))
    empty = [name for name in search.empty if folded(name.rpartition("/")[2]) in missing]
    found = ", ".join(list(there)[:20]) + (" ..." if len(there) > 20 else "")
    wanted = ", ".join(sorted(map(shown, missing)))
    what = f"the folder {shown(empty[0])} is empty" if empty else "no image lies in a folder of that name"
    return f"{_source(search)}: --classes names {wanted}, but {what}; folders with images: {found or 'none'}"


def _by_folder(search: Search, images: list[Found]) -> tuple[ClassChoice, Labelled]:
    kinds = Counter(class_folder(image) for image in images)
    if set(kinds) <= {""}:
        raise DataError(_no_class_folders(search, images))
    rivals = rival_levels(images, {folded(kind) for kind in kinds if kind})
    try:
        choice = choose_classes(
            _source(search),
            [kind for kind in kinds.elements() if kind],
            "class folder",
            _meant(rivals) + _empty(search),
            bool(rivals),
        )
    except DataError:
        if not rivals and search.tables:
            raise DataError(_no_class_folders(search, images)) from None
        raise
    if rivals:
        raise DataError(
            f"{_source(search)}: folders at several levels have two names each: {', '.join(choice.names)}, and "
            f"{', and '.join(', '.join(map(shown, level)) for level in rivals)}; say which are the classes: "
            + " or ".join(option(normal_first(level)) for level in [choice.names, *rivals])
        )
    if len(choice.names) > 2:
        refuse_nested(_source(search), images, choice)
    lookup = choice.lookup()
    taken: Labelled = []
    for image in images:
        label = lookup.get(folded(class_folder(image)))
        if label is None:
            search.left_out.add(NO_CLASS, image.place)
        else:
            taken.append((image, label))
    return choice, taken


def _meant(rivals: list[tuple[str, ...]]) -> str:
    if not rivals:
        return ""
    options = " or ".join(option(normal_first(level)) for level in rivals)
    two = all(len(level) == 2 for level in rivals)
    return f"Folders further up have {'two' if two else 'fewer'} names: {options} takes them. "


def _empty(search: Search) -> str:
    return f"The folder {shown(search.empty[0])} is empty. " if search.empty and search.empty[0] else ""


def _no_class_folders(search: Search, images: list[Found]) -> str:
    names = sorted({shown(part) for image in images for part in image.folders if splits_named(part)})
    said = (
        f"{' and '.join(names[:4])} {'name splits' if len(names) > 1 else 'names a split'}, and the images in "
        f"{'them' if len(names) > 1 else 'it'} lie in no class folder"
        if names
        else "the images lie in no class folders (found: none)"
    )
    tables = [path for path in search.tables if is_table_of_labels(path)]
    advice = (
        f"if {shown(tables[0].name)} has their labels, add --labels {quoted(shown(str(tables[0])))}"
        if tables
        else "labels come from class folders, such as 0 and 1, or from a table: --labels labels.csv (columns id,label)"
    )
    return f"{_source(search)}: {said}; {advice}"


def _by_table(
    search: Search, images: list[Found], labels: Labels, choice: ClassChoice | None
) -> tuple[ClassChoice, Labelled]:
    said: list[tuple[Found, str]] = []
    for image in images:
        row = labels.row_of(image)
        if row is None or not row.label:
            search.left_out.add(NO_LABEL, image.place)
        else:
            said.append((image, row.label))
    if not said:
        raise DataError(
            f"{shown(str(labels.path))}: none of its {labels.count} rows names one of the {len(images)} images in "
            f"{_source(search)}: first row {shown(labels.example)}, first image {shown('/'.join(images[0].parts))}"
        )
    if choice is None:
        _refuse_missing(labels, [label for _, label in said])
        choice = choose_classes(shown(str(labels.path)), [label for _, label in said], "label")
    lookup = choice.lookup()
    taken: Labelled = []
    for image, label in said:
        if folded(label) in lookup:
            taken.append((image, lookup[folded(label)]))
        else:
            search.left_out.add(NOT_CHOSEN, image.place, label)
    missing = set(range(len(choice.names))) - {label for _, label in taken}
    if missing:
        found = ", ".join(sorted({shown(label) for _, label in said})[:20])
        names = " or ".join(choice.names[label] for label in missing)
        raise DataError(f"{shown(str(labels.path))}: no image has the label {names}; labels found: {found}")
    return choice, taken


def _refuse_missing(labels: Labels, said: Sequence[str]) -> None:
    """See that no label is what programs write into a cell without a value.

    Raises:
        DataError: if one is; ``--classes`` settles it.
    """
    found = Counter(label for label in said if label.casefold() in MISSING)
    if found:
        others = sorted({label for label in said if label not in found})
        classes = f", or give {option(others)}" if 2 <= len(others) <= 12 else ""
        raise DataError(
            f"{shown(str(labels.path))}: {found.total()} images have the label {shown(next(iter(found)))}, which "
            f"stands for a missing one; empty such cells to leave the images out{classes}"
        )


def _with_splits(labelled: Labelled, wishes: Wishes, choice: ClassChoice) -> list[Decided]:
    table = wishes.labels
    classes = set() if table is not None else set(choice.lookup())
    named = [(image, label, _splits(image, wishes, classes)) for image, label in labelled]
    several = [image for image, _, splits in named if len(splits) > 1]
    if several:
        raise DataError(
            _listed(
                several, "folders on its path name two splits", "rename one, or --ignore-splits takes all as one set"
            )
        )
    without = [image for image, _, splits in named if not splits]
    if without and len(without) < len(named):
        raise DataError(
            _listed(
                without,
                "names no split, and other images do",
                f"{len(without)} of {len(named)} images; move or remove them, or --ignore-splits takes all as one set",
            )
        )
    decided = []
    for image, label, splits in named:
        row = None if table is None else table.row_of(image)
        decided.append(Decided(image, next(iter(splits), "patches"), label, "" if row is None else row.slide))
    return decided


def _splits(image: Found, wishes: Wishes, classes: set[str]) -> set[SplitName]:
    if wishes.ignore_splits:
        return set()
    if wishes.labels is not None and wishes.labels.has_splits:
        row = wishes.labels.row_of(image)
        return set() if row is None or row.split is None else {row.split}
    return _folder_splits(image, classes)


def _folder_splits(image: Found, classes: set[str]) -> set[SplitName]:
    """Splits that folders name, or the archive where they do not; a folder is never both split and class."""
    found: set[SplitName] = set()
    for at, part in enumerate(image.folders):
        if at != image.archive_at and folded(part) not in classes:
            names = splits_named(part)
            found |= names if len(names) == 1 else set()
    if not found and image.archive:
        names = splits_named(image.archive)
        found |= names if len(names) == 1 and folded(image.archive) not in classes else set()
    return found


def _listed(images: Sequence[Found], what: str, advice: str) -> str:
    lines = [f"{image.place}: {what}" for image in images[:NAMED]]
    if len(images) > NAMED:
        lines.append(f"... and {len(images) - NAMED} more")
    return "\n".join([*lines, advice])


def _source(search: Search) -> str:
    return shown(str(search.source))
