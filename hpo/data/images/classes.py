"""The classes of folders and labels, as ``--classes`` names them."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hpo.data.images.found import folded, natural, shown
from hpo.data.naming import MOST_CLASSES, two_spellings
from hpo.errors import DataError

NORMAL_WORDS = ("normal", "benign", "healthy", "negative", "control", "neg", "norm")
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
        DataError: if it does not say two or more different classes.
    """
    items = text.split(",") if isinstance(text, str) else list(text)
    names: list[str] = []
    members: list[tuple[str, ...]] = []
    for item in (item.strip() for item in items):
        name, equals, right = item.partition("=")
        folders = _alternatives(right) if equals else (item,)
        if not name.strip() or not all(folders):
            raise DataError(f"--classes: {item!r} is not a class; allowed: {SYNTAX}")
        names.append(name.strip())
        members.append(folders)
    every = [folded(folder) for folders in members for folder in folders]
    twice = next((folder for folder in every if every.count(folder) > 1), None)
    if twice is not None:
        raise DataError(
            f"--classes: {twice!r} belongs to two classes; each folder belongs to one (case does not matter)"
        )
    if not 2 <= len(names) <= MOST_CLASSES:
        raise DataError(
            f"--classes: names {len(names)} class{'es' if len(names) != 1 else ''} "
            f"({', '.join(map(shown, names[:12]))}); allowed: 2 to {MOST_CLASSES}, such as --classes "
            f'"{_merged(names[:12])}"'
        )
    if (pair := two_spellings(names)) is not None:
        raise DataError(
            f"--classes: {pair[0]!r} and {pair[1]!r} are one name in two spellings; merge them, as in "
            f"--classes {quoted(f'{pair[0]}={pair[0]}+{pair[1]}')}, or give one another name"
        )
    return ClassChoice(tuple(shown(name) for name in names), tuple(members))


def _alternatives(right: str) -> tuple[str, ...]:
    pieces = [piece.strip() for piece in right.split("+")]
    return tuple(pieces) if all(pieces) else (right.strip(),)


def _merged(names: Sequence[str]) -> str:
    first, *others = [shown(name) for name in names] or ["A"]
    return f"{first}={first},others={'+'.join(others) or 'B+C'}"


def choose_classes(
    source: str, kinds: Iterable[str], what: str, hint: str = "", is_enough: bool = False
) -> ClassChoice:
    """The classes that images have where ``--classes`` is not given: in the order of a dictionary.

    Args:
        source: what was imported, for messages.
        kinds: the class folder or label of each image; of several spellings the commonest is kept.
        what: they are: ``class folder`` or ``label``.
        hint: what else the user might mean, ready to stand in a message.
        is_enough: whether the hint names the classes, so that no other advice is needed, and more than two are refused.

    Raises:
        DataError: if there are less than two, or two of them seem to be one.
    """
    spellings: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for kind, count in Counter(kinds).most_common():
        counts[spellings.setdefault(folded(kind), kind)] += count
    names = _in_order(spellings.values())
    if len(names) == 2 or (2 < len(names) <= MOST_CLASSES and not is_enough):
        _refuse_spellings(source, names, counts, what)
        _refuse_strays(source, names, counts, what)
        return ClassChoice(tuple(shown(name) for name in names), tuple((name,) for name in names))
    listing = ", ".join(map(shown, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    several = f"there must be two or more {what}s, {MOST_CLASSES} at most. "
    raise DataError(
        f"{source}: found {len(names)} {what}{'s' if len(names) != 1 else ''}: {listing}; "
        + (
            f"if they are the classes, name them with --classes. {hint}"
            if is_enough and len(names) > 2
            else f"{several}{hint}{'' if is_enough else _advice(names)}"
        ).rstrip()
    )


def _in_order(names: Iterable[str]) -> list[str]:
    """Numbers by their value, so that -1 comes before 1; names as in a dictionary."""
    found = sorted(names, key=lambda name: natural(folded(name)))
    if all(re.fullmatch(r"[+-]?\d{1,9}(\.\d{1,9})?", name, re.ASCII) for name in found):
        return sorted(found, key=float)
    return found


def _refuse_spellings(source: str, names: Sequence[str], counts: Counter[str], what: str) -> None:
    """See that no name is another's in a second spelling, by its letters or as a rare one that resembles a common one.

    Raises:
        DataError: if one is; ``--classes`` settles it either way.
    """
    pair = two_spellings(names)
    if pair is not None:
        common, rare = sorted(pair, key=lambda name: -counts[name])
        found = f"{shown(pair[0])} and {shown(pair[1])} are one name in two spellings"
    else:
        doubt = _misspelt(counts)
        if doubt is None:
            return
        rare, common = doubt
        found = f"{shown(rare)} ({counts[rare]} of {counts.total()}) may be {shown(common)}, misspelt"
    listed = f"{len(names)} {what}s: {', '.join(map(shown, names[:12]))}{' ...' if len(names) > 12 else ''}"
    advice = "Rename one"
    if len(names) > 2:
        members = {name: f"{name}={name}+{rare}" if name == common else name for name in names if name != rare}
        advice += f", or merge the two: --classes {quoted(shown(','.join(members.values())))}"
    if pair is None:
        advice += f", or keep them apart: {option(names)}"
    raise DataError(f"{source}: found {listed}; {found}. {advice}")


def _refuse_strays(source: str, names: Sequence[str], counts: Counter[str], what: str) -> None:
    """See that no class of three or more has so few images that it is rather a slip, as in one row of a table.

    Raises:
        DataError: if one has less than three, which is not one for each split, and another five times as many.
    """
    strays = [name for name in names if counts[name] < _FEWEST and max(counts.values()) >= 5 * counts[name]]
    if len(names) < 3 or not strays:
        return
    others = [name for name in names if name not in strays]
    listed = ", ".join(f"{shown(name)} ({counts[name]})" for name in strays[:6]) + (" ..." if len(strays) > 6 else "")
    left_out = f", or leave out what is no class: {option(others)}" if len(others) > 1 else ""
    raise DataError(
        f"{source}: found {len(names)} {what}s, of which some have too few images for a class: {listed}. Mend a "
        f"slip{left_out}, or take all: {option(names)}"
    )


_FEWEST = 3
"""Images of a class that can have one in each split."""


def _advice(names: Sequence[str]) -> str:
    if len(names) < 2:
        return f"Point at the folder that holds all classes, or name them: {SYNTAX}"
    return f'{option(names[:2])} takes two and leaves the others out; --classes "normal=A+B,tumour=C+D" merges'


def _misspelt(kinds: Counter[str]) -> tuple[str, str] | None:
    """The rarest of three or more classes, and the far commoner one that it is spelt like; None if there is none."""
    rare = min(kinds, key=lambda name: kinds[name])
    others = sorted((name for name in kinds if name != rare), key=lambda name: natural(folded(name)))
    meant = get_close_matches(folded(rare), [folded(name) for name in others], n=1, cutoff=0.8)
    if len(kinds) < 3 or not meant or any(character.isdigit() for character in rare):
        return None
    common = next(name for name in others if folded(name) == meant[0])
    return (rare, common) if kinds[common] >= 10 * kinds[rare] else None


def normal_first(names: Sequence[str]) -> list[str]:
    """The names in their order, but what is healthy first: label 1 counts as positive."""
    return sorted(names, key=lambda name: folded(name) not in NORMAL_WORDS)


def option(names: Sequence[str]) -> str:
    """``--classes`` for these folders, as a shell takes it."""
    return f"--classes {quoted(','.join(map(shown, names)))}"


def quoted(text: str) -> str:
    """An option's value as a shell takes it."""
    return shlex.quote(text)
