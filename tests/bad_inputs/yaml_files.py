"""Bad YAML: study files, search spaces, dashboards, ranges and best configurations."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.mutate import replace_by_no_file, spoil_text, spoil_values

STUDY = """\
name: tiny
data: {folder: DATA, patch_size: 16, valid_patches: 10}
search_space: space.yaml
dashboard: board.yaml
architectures:
  - {name: small, convolutions: [{kernel: 3, filters: 4, stride: 1}], dense: [4]}
  - model2
objective: {metric: auc, epoch: last}
stage1: {design: one_factor, factors: [epochs, batch_size, patches, learning_rate], seed: 0, margin: 0.01}
stage2:
  design: tpe
  factors: [learning_rate, patches]
  epochs: 2
  trials: 4
  warm_start: warm
  seed: 0
confirm: {epochs: 3, seeds: [0, 1, 2], cold_control: true}
workers: {threads: 1, lease_seconds: 5, max_attempts: 3}
output: runs/tiny
"""

SPACE = """\
factors:
  epochs: {reference: 2, levels: [1, 2, 3]}
  batch_size: {reference: 4, levels: [4, 8], scale: log}
  patches: {reference: 12, levels: [8, 12, 16], step: 4}
  learning_rate: {reference: 0.01, levels: [0.003, 0.01, 0.03], low: 0.001, high: 0.1, scale: log}
  strategy: {reference: constant, levels: [constant, step]}
strategies:
  time_based: {decay: 0.001}
  step: {factor: 0.5, every: 2}
"""

BOARD = """\
panels:
  - {panel: before_after, section: The answer, width: half}
  - {panel: factor_effect, factor: learning_rate, width: third}
  - {panel: roc}
"""

HOSTILE = (
    ("an endless alias", "&r\nname: *r\n"),
    ("500 nested lists", "name: " + "[" * 500 + "]" * 500),
    ("100,000 nested lists", "name: " + "[" * 100_000),
    ("5,000 nested mappings", "a: {" * 5000),
    ("deep block mappings", "".join(" " * depth + "a:\n" for depth in range(2000))),
    (
        "an alias bomb",
        "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)),
    ),
    (
        "a bomb of merged mappings",
        "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 9)),
    ),
    ("a mapping merged into itself", "a: &a\n  <<: *a\n"),
    ("20 MB of one word", "name: " + "a" * 20_000_000),
    ("a million keys", "".join(f"k{i}: 1\n" for i in range(100_000))),
    ("a number of 100,000 digits", "name: " + "9" * 100_000),
    ("an object of Python", "name: !!python/object/apply:os.system [echo S3cr3tPw]\n"),
    ("a binary", "name: !!binary aGVsbG8=\n"),
    ("a set", "name: !!set {a, b}\n"),
    ("an ordered mapping", "name: !!omap [a: 1]\n"),
    ("a timestamp", "name: 2001-12-14t21:59:43.10-05:00\n"),
    ("a list as key", "? [a, b]\n: 1\n"),
    ("a mapping as key", "? {a: 1}\n: 1\n"),
    ("a YAML 1.1 file", "%YAML 1.1\n---\nname: yes\n"),
    ("a YAML 9.9 file", "%YAML 9.9\n---\nname: yes\n"),
    ("tags of one's own", "%TAG ! tag:example.com,2000:\n---\nname: !x y\n"),
    ("two documents", "name: a\n---\nname: b\n"),
    ("an ended document", "name: a\n...\nname: b\n"),
    ("nothing", ""),
    ("comments only", "# nothing\n"),
    ("a list", "- a\n- b\n"),
    ("a word", "hello\n"),
    ("escapes in a name", 'name: "\\e[31mred\\a\\0"\n'),
    ("surrogates", 'name: "\\uD800"\n'),
    ("a wide escape", 'name: "\\UFFFFFFFF"\n'),
)
"""Files that are hostile whatever their kind."""

SPELLINGS: tuple[tuple[str, int | None], ...] = (
    ("6", 6),
    ("6.0", 6),
    ("0.6e1", 6),
    ("+6", 6),
    ("06", 6),
    ("0o6", 6),
    ("0x6", 6),
    ("6_0", 60),
    ("'6'", None),
    ('"6"', None),
    ("６", None),
    ("6 ", 6),
    ("6 # seven", 6),
    ("!!int 6", 6),
    ("!!str 6", None),
    ("!!float 6", 6),
    ("yes", None),
    ("true", None),
    ("~", None),
    ("", None),
    ("[6]", None),
    ("{a: 6}", None),
    ("6:00", None),
    ("6.5", None),
    ("1e400", None),
    (".inf", None),
    (".nan", None),
    ("-6", None),
    ("6,0", None),
    ("6e", None),
    ("2001-01-06", None),
    ("0b110", 6),
    ("006", 6),
    ("6.", 6),
    ("00", 0),
    ("&a 6", 6),
    ("6%", None),
)
"""How a person may write the whole number six, or something else: the number that it has to be, or None to refuse."""


def write_study(bases: Bases) -> None:
    """The three sound files in the working directory."""
    Path("study.yaml").write_text(STUDY.replace("DATA", str(bases.data)))
    Path("space.yaml").write_text(SPACE)
    Path("board.yaml").write_text(BOARD)


def study(rng: random.Random, bases: Bases) -> Attempt:
    """A bad study file, read by ``hpo plan``."""
    write_study(bases)
    if rng.random() < 0.15:
        return _spelling(rng)
    what = _spoil(rng, Path("study.yaml"))
    return Attempt(f"study: {what}", ("plan", "study.yaml"), judge=_same_settings)


def space(rng: random.Random, bases: Bases) -> Attempt:
    """A bad search space."""
    write_study(bases)
    what = _spoil(rng, Path("space.yaml"))
    return Attempt(f"search space: {what}", ("plan", "study.yaml"), judge=_same_settings)


def board(rng: random.Random, bases: Bases) -> Attempt:
    """A bad dashboard."""
    write_study(bases)
    what = _spoil(rng, Path("board.yaml"))
    return Attempt(f"dashboard: {what}", ("plan", "study.yaml"), judge=_same_settings)


def ranges(rng: random.Random, bases: Bases) -> Attempt:
    """Bad ranges, as stage 2 reads them."""
    from hpo.config.load import load_study
    from hpo.config.ranges import load_ranges

    assert bases.study is not None
    Path("ranges.yaml").write_text((bases.study / "runs" / "tiny" / "ranges.yaml").read_text())
    what = _spoil(rng, Path("ranges.yaml"))
    loaded = load_study(bases.study / "tiny.yaml")
    return Attempt(f"ranges: {what}", call=lambda: load_ranges(Path("ranges.yaml"), loaded))


def best_config(rng: random.Random, bases: Bases) -> Attempt:
    """A bad best configuration, as ``hpo run`` reads it."""
    from hpo.config.best_config import load_best_config

    assert bases.study is not None
    Path("best_config.yaml").write_text((bases.study / "runs" / "tiny" / "best_config.yaml").read_text())
    what = _spoil(rng, Path("best_config.yaml"))
    return Attempt(f"best_config: {what}", call=lambda: load_best_config(Path("best_config.yaml")))


def _spoil(rng: random.Random, path: Path) -> str:
    way = rng.random()
    text = path.read_text()
    if way < 0.05:
        what, content = rng.choice(HOSTILE)
        whole = text + content if rng.random() < 0.5 else content
        path.write_text(whole)
        return what
    if way < 0.08:
        return replace_by_no_file(rng, path)
    if way < 0.5:
        values = yaml.safe_load(text)
        what = spoil_values(rng, values)
        dumped = yaml.dump(values, allow_unicode=True, Dumper=_NoAliases)
        path.write_bytes(dumped.encode("utf-8", "surrogatepass"))
        return what
    what, spoilt = spoil_text(rng, text)
    path.write_bytes(spoilt)
    return what


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _spelling(rng: random.Random) -> Attempt:
    key = rng.choice(("epochs", "trials", "seed"))
    word, meant = rng.choice(SPELLINGS)
    path = Path("study.yaml")
    old = {"epochs": "  epochs: 2\n", "trials": "  trials: 4\n", "seed": "  seed: 0\n"}[key]
    path.write_text(path.read_text().replace(old, f"  {key}: {word}\n"))

    def judge(_output: str) -> str | None:
        from hpo.config.load import load_study

        found = getattr(load_study("study.yaml").stage2, key)
        return None if meant is not None and found == meant else f"stage2.{key}: {word} was taken for {found}"

    return Attempt(f"study: stage2.{key} spelt {word!r}", ("plan", "study.yaml"), judge=judge)


def _same_settings(_output: str) -> str | None:
    """What the loaded study says otherwise than its files, as another reader of YAML 1.2 reads them."""
    from hpo.config.load import load_study

    loaded = load_study("study.yaml")
    for name, model in (("study.yaml", loaded), ("space.yaml", loaded.space), ("board.yaml", loaded.panels)):
        said = _read(Path(name))
        for key in ("search_space", "dashboard", "output", "database", "checkpoints"):
            said.pop(key, None)
        if isinstance(said.get("data"), dict):
            said["data"].pop("folder", None)
        if (difference := _difference(said, model.model_dump(mode="json"), "")) is not None:
            return f"{name}: {difference}"
    return None


def _read(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    found: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_bytes())
    return found


def _difference(said: Any, loaded: Any, path: str) -> str | None:
    if isinstance(said, dict) and isinstance(loaded, dict):
        for key, value in said.items():
            if key not in loaded:
                return f"{path}.{key} was passed over"
            if (found := _difference(value, loaded[key], f"{path}.{key}")) is not None:
                return found
        return None
    if isinstance(said, list) and isinstance(loaded, list):
        if len(said) != len(loaded):
            return f"{path} has {len(said)} items, {len(loaded)} were taken"
        pairs = enumerate(zip(said, loaded, strict=True))
        return next((found for i, (a, b) in pairs if (found := _difference(a, b, f"{path}.{i}")) is not None), None)
    is_same = said == loaded and isinstance(said, bool) == isinstance(loaded, bool)
    return None if is_same or said is None else f"{path}: {said!r} was taken for {loaded!r}"
