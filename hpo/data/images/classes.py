"""Which folders or labels are which class: what ``--classes`` says."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpo.data.images.found import folded, natural, shown
from hpo.errors import DataError

SYNTAX = '--classes A,B or, to rename and merge, --classes "normal=NORM+MUS,tumour=TUM"'


@dataclass(frozen=True)
class ClassChoice:
    """The classes of a data set and what they are called where the images come from.

    Args:
        names: of the classes, label 0 first.
        members: for each class, the folders (or labels of a table) that belong to it.
    """

    names: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]

    def lookup(self) -> dict[str, int]:
        """The label of each folder's name, `folded`: case does not matter."""
        return {folded(folder): label for label, folders in enumerate(self.members) for folder in folders}


def parse_classes(text: str | Sequence[str]) -> ClassChoice:
    """Reads what ``--classes`` says: ``A,B``, or ``name=folder+folder,name=folder``.

    A name without ``=`` is a folder's as it is, so that ``HER2-,HER2+`` are two folders.

    Raises:
        DataError: if it does not say two different classes.
    """
    items = text.split(",") if isinstance(text, str) else list(text)
    names: list[str] = []
    members: list[tuple[str, ...]] = []
    for item in (item.strip() for item in items):
        name, equals, right = item.partition("=")
        folders = _alternatives(right) if equals else (item,)
        if not name.strip() or not all(folders):
            raise DataError(f"--classes: {item!r} is no class; allowed: {SYNTAX}")
        names.append(name.strip())
        members.append(folders)
    every = [folded(folder) for folders in members for folder in folders]
    twice = next((folder for folder in every if every.count(folder) > 1), None)
    if twice is not None:
        raise DataError(
            f"--classes: {twice!r} belongs to two classes; each folder belongs to one (case does not matter)"
        )
    if len(set(map(folded, names))) != 2 or len(names) != 2:
        raise DataError(
            f"--classes: names {len(names)} classes ({', '.join(map(shown, names))}); hpo trains two: leave some out, "
            f'or merge them, such as --classes "{_merged(names)}"'
        )
    return ClassChoice(tuple(shown(name) for name in names), tuple(members))


def _alternatives(right: str) -> tuple[str, ...]:
    pieces = [piece.strip() for piece in right.split("+")]
    return tuple(pieces) if all(pieces) else (right.strip(),)


def _merged(names: Sequence[str]) -> str:
    first, *others = [shown(name) for name in names] or ["A"]
    return f"{first}={first},others={'+'.join(others) or 'B+C'}"


def choose_classes(source: str, kinds: Iterable[str], what: str, hint: str = "") -> ClassChoice:
    """The two classes that images have where ``--classes`` is not given: in the order of a dictionary.

    Args:
        source: what was imported, for messages.
        kinds: the class folder or label of each image; of several spellings the commonest is kept.
        what: they are: ``class folder`` or ``label``.
        hint: what else the user might mean, ready to stand in a message.

    Raises:
        DataError: if there are not exactly two.
    """
    spellings: dict[str, str] = {}
    for kind, _ in Counter(kinds).most_common():
        spellings.setdefault(folded(kind), kind)
    names = sorted(spellings.values(), key=lambda name: natural(folded(name)))
    if len(names) == 2:
        return ClassChoice((shown(names[0]), shown(names[1])), ((names[0],), (names[1],)))
    listing = ", ".join(map(shown, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    raise DataError(
        f"{source}: found {len(names)} {what}{'s' if len(names) != 1 else ''}: {listing}; there must be two {what}s. "
        f"{hint}{_advice(names)}"
    )


def _advice(names: Sequence[str]) -> str:
    if len(names) < 2:
        return f"Point at the folder that holds both, or name the classes: {SYNTAX}"
    first, second = shown(names[0]), shown(names[1])
    return (
        f"--classes {quoted(f'{first},{second}')} takes two and leaves the others out; "
        f"--classes {quoted(_merged(names[:6]))} merges"
    )


def quoted(text: str) -> str:
    """An option's value as a shell takes it."""
    return shlex.quote(text)
