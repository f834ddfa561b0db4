"""Bad options and arguments."""

from __future__ import annotations

import random
from pathlib import Path

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.strange import WORDS
from tests.bad_inputs.urls import cleaned
from tests.bad_inputs.yaml_files import write_study


def options(rng: random.Random, bases: Bases) -> Attempt:
    """A command with an argument or an option that makes no sense."""
    write_study(bases)
    Path("src").mkdir()
    Path("d").symlink_to(bases.data)
    chosen = rng.choice(COMMANDS)
    argv = [_word(rng, part) for part in chosen]
    if rng.random() < 0.2:
        argv.insert(
            rng.randrange(1, len(argv) + 1),
            rng.choice(
                (
                    "--json",
                    "--force",
                    "--nonsense",
                    "-x",
                    "--",
                    "-",
                    "--help=1",
                    "--database",
                    "@file",
                    "--name=\x1b[31m",
                )
            ),
        )
    return Attempt(" ".join(argv)[:80], argv)


NUMBERS = (
    "-1",
    "0",
    "1e9",
    "99999999999999999999",
    "nan",
    "inf",
    "0.5",
    "",
    " ",
    "١",
    "0x10",
    "1__0",
    "x" * 3000,
    "\x1b[31mred",
)


FEW = ("--train", "4", "--valid", "2", "--test", "2", "--processes", "1")
"""Patches of a sample that is drawn after all."""


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("plan", "@study"),
    ("status", "@study"),
    ("ranges", "@study"),
    ("report", "@study"),
    ("stop", "@study"),
    ("init", "@file"),
    ("schema", "@folder"),
    ("data", "check", "@folder"),
    ("data", "import", "@folder", "@folder"),
    ("data", "sample", "@folder", *FEW),
    ("launch", "@study", "--workers", "@number"),
    ("run", "@study", "--workers", "@number"),
    ("run", "@study", "--gpus", "@word"),
    ("run", "@study", "--until", "@word"),
    ("launch", "@study", "--on", "@word"),
    ("report", "@study", "--serve", "@number"),
    ("dashboard", "@study", "--port", "@number"),
    ("data", "sample", "x", "--train", "@number", "--valid", "2", "--test", "2"),
    ("data", "sample", "x", "--patch-size", "@number", *FEW),
    ("data", "sample", "x", "--seed", "@number", *FEW),
    ("data", "sample", "x", *FEW[:6], "--processes", "@number"),
    ("data", "import", "src", "out", "--patch-size", "@number"),
    ("data", "import", "src", "out", "--classes", "@word"),
    ("report", "@study", "--output", "@file"),
    ("report", "@study", "--figures", "@file"),
    ("init", "@file", "--name", "@word"),
    ("init", "x.yaml", "--data", "@folder"),
    ("worker", "@study", "--threads", "@number"),
    ("data", "check", "@folder", "--preview", "@file"),
    ("data", "fetch", "@word", "x"),
    ("@word",),
    ("data", "@word"),
    ("report", "@study", "@study"),
    ("plan", "@study", "--@word"),
    ("status", "@study", "--database", "@word"),
)


def _word(rng: random.Random, part: str) -> str:
    if "@" not in part:
        return part
    words = {
        "@study": (
            "study.yaml",
            "study.yaml",
            "nowhere.yaml",
            "space.yaml",
            ".",
            "/dev/null",
            "/dev/zero",
            "/proc/self/mem",
            "d",
            "\x1b[31mred.yaml",
            "x" * 5000,
            "~nobody-here/x.yaml",
            "",
        ),
        "@folder": (
            "d",
            "nowhere",
            "study.yaml",
            "/dev/null",
            ".",
            "src",
            "x" * 300,
            "\udcff",
            "/proc/self",
            "~nobody-here",
            "\x1b[31mred",
            "",
        ),
        "@file": (
            "study.yaml",
            "d",
            ".",
            "/dev/null/x",
            "/dev/full",
            "/nowhere/x.yaml",
            "x" * 300 + ".yaml",
            "a b.yaml",
            "é.yaml",
            "x.html",
            "\x1b[31m.html",
            "/proc/x.yaml",
            "study.db",
            "",
        ),
        "@number": NUMBERS,
    }
    for key, choices in words.items():
        part = part.replace(key, rng.choice(choices)) if key in part else part
    return part.replace("@word", cleaned(rng.choice(WORDS))[:100_000])
