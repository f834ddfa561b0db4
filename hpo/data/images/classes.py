"""The classes of folders and labels, as ``--classes`` names them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hpo.data.images.found import folded, natural, shown
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
        DataError: if it does not say two different classes.
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


def choose_classes(
    source: str, kinds: Iterable[str], what: str, hint: str = "", is_enough: bool = False
) -> ClassChoice:
    """The two classes that images have where ``--classes`` is not given: in the order of a dictionary.

    Args:
        source: what was imported, for messages.
        kinds: the class folder or label of each image; of several spellings the commonest is kept.
        what: they are: ``class folder`` or ``label``.
        hint: what else the user might mean, ready to stand in a message.
        is_enough: whether the hint names the classes, so that no other advice is needed.

    Raises:
        DataError: if there are not exactly two.
    """
    spellings: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for kind, count in Counter(kinds).most_common():
        counts[spellings.setdefault(folded(kind), kind)] += count
    names = sorted(spellings.values(), key=lambda name: natural(folded(name)))
    if len(names) == 2:
        return ClassChoice((shown(names[0]), shown(names[1])), ((names[0],), (names[1],)))
    listing = ", ".join(map(shown, names[:12])) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    raise DataError(
        f"{source}: found {len(names)} {what}{'s' if len(names) != 1 else ''}: {listing}; there must be two {what}s. "
        + (hint if is_enough else f"{hint}{_misspelt(counts)}{_advice(names)}").rstrip()
    )


def _advice(names: Sequence[str]) -> str:
    if len(names) < 2:
        return f"Point at the folder that holds both, or name the classes: {SYNTAX}"
    takes = f"{option(names[:2])} takes two and leaves the others out"
    if len(names) > 12:
        return f'{takes}; --classes "normal=A+B,tumour=C+D" merges'
    return f"{takes}; --classes {quoted(_merged(names))} merges"


def _misspelt(kinds: Counter[str]) -> str:
    """Advice where a rare class of three is spelt like a common one; else empty."""
    rare = min(kinds, key=lambda name: kinds[name])
    others = sorted((name for name in kinds if name != rare), key=lambda name: natural(folded(name)))
    meant = get_close_matches(folded(rare), [folded(name) for name in others], n=1, cutoff=0.8)
    if len(kinds) != 3 or not meant or any(character.isdigit() for character in rare):
        return ""
    common = next(name for name in others if folded(name) == meant[0])
    if kinds[common] < 10 * kinds[rare]:
        return ""
    members = {name: f"{name}+{rare}" if name == common else name for name in others}
    merging = ",".join(f"{shown(name)}={shown(members[name])}" for name in normal_first(others))
    return (
        f"{shown(rare)} ({kinds[rare]} of {kinds.total()}) may be {shown(common)}, misspelt: mend it, or "
        f"--classes {quoted(merging)} counts it so. "
    )


def normal_first(names: Sequence[str]) -> list[str]:
    """The names in their order, but what is healthy first: label 1 counts as positive."""
    return sorted(names, key=lambda name: folded(name) not in NORMAL_WORDS)


def option(names: Sequence[str]) -> str:
    """``--classes`` for these folders, as a shell takes it."""
    return f"--classes {quoted(','.join(map(shown, names)))}"


def quoted(text: str) -> str:
    """An option's value as a shell takes it."""
    return shlex.quote(text)
