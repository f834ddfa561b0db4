"""The commented YAML files that ``hpo init`` writes for a new study, from those in ``templates/``."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from importlib.resources import files
from string import Template

_SAMPLE = """\
  folder: {folder}
  sample: {{train: 2000, valid: 1000, test: 1000, seed: 0}}   # made there; remove this line for patches of your own"""


@dataclass(frozen=True)
class Proposal:
    """What a new study is to say of its data and its size; the defaults are for data that nobody has seen.

    Args:
        patch_size: side of the patches, pixels.
        time: expected duration of the study, for its head.
        about: lines about the data, for a comment.
        split: whether the data is a single labelled set, which the study splits.
        split_seed: of that split.
        by_slide: whether slides are known, so that they stay on one side.
        valid_patches: validation patches of each epoch; None is all.
        architectures: items of the list, as YAML.
        epochs: levels of stage 1, the middle one of which is the reference.
        batch_sizes: likewise.
        patches: likewise.
        patch_step: step of ``patches`` in stage 2.
        stage2_epochs: epochs of the longest trainings of stage 2, and of the confirmation.
        patch_visits: that stage 2 spends on each architecture.
        seeds: number of final trainings.
        classes: of the data.
        channels: of the patches; the stain of others than 3 is not searched.
    """

    patch_size: int = 96
    time: str = "hpo plan says, before anything is trained."
    about: tuple[str, ...] = ()
    split: bool = False
    split_seed: int = 0
    by_slide: bool = False
    valid_patches: int | None = None
    architectures: tuple[str, ...] = ("model2", "model3")
    epochs: tuple[int, ...] = (2, 4, 8)
    batch_sizes: tuple[int, ...] = (16, 32, 64)
    patches: tuple[int, ...] = (500, 1000, 1500)
    patch_step: int = 100
    stage2_epochs: int = 8
    patch_visits: int = 60_000
    seeds: int = 5
    classes: int = 2
    channels: int = 3


UNSEEN = Proposal()


def study_template(
    name: str,
    *,
    file: str,
    search_space: str,
    dashboard: str,
    data: str,
    makes_sample: bool,
    proposal: Proposal = UNSEEN,
    output: str | None = None,
) -> str:
    """A new study file's text.

    Args:
        name: the study's, a safe name.
        file: the study file's path, for the command in its head.
        search_space: path of the search space, relative to the study file.
        dashboard: path of the dashboard, relative to the study file.
        data: data folder, absolute or relative to the study file.
        makes_sample: whether patches are made in that folder, to try the study out.
        proposal: what fits the data.
        output: folder of what the study writes, relative to the study file; None is the default, ``../runs/NAME``.
    """
    folder = _quoted(data)
    lines = [f"  # {' '.join(line.split())}" for line in proposal.about]
    lines.append(_SAMPLE.format(folder=folder) if makes_sample else f"  folder: {folder}")
    kind = "RGB" if proposal.channels == 3 else f"of {proposal.channels} channel{'s' if proposal.channels > 1 else ''}"
    return Template(_without_stain(_shipped("study.yaml"), proposal)).substitute(
        name=name,
        file=shlex.quote(" ".join(file.split())),
        time=proposal.time,
        search_space=_quoted(search_space),
        dashboard=_quoted(dashboard),
        data="\n".join(lines),
        patch_size=_told("patch_size", proposal.patch_size, f"pixels; the patches are square and {kind}"),
        valid_patches=_valid_patches(proposal.valid_patches),
        split=_split(proposal),
        architectures="\n".join(f"  - {item}" for item in proposal.architectures),
        stage2_epochs=proposal.stage2_epochs,
        budget=_told("patch_visits", proposal.patch_visits, "or minutes: 30, or trials: 16; for each architecture"),
        confirm_epochs=proposal.stage2_epochs,
        seeds=list(range(proposal.seeds)),
        output=f"# output: ../runs/{name}" if output is None else f"output: {_quoted(output)}",
    )


def search_space_template(proposal: Proposal = UNSEEN) -> str:
    """A new search space's text.

    Args:
        proposal: what fits the data.
    """
    step = f", step: {proposal.patch_step}"
    share = "half of each class" if proposal.classes == 2 else f"of {proposal.classes} classes as many each"
    return Template(_without_stain(_shipped("search_space.yaml"), proposal)).substitute(
        epochs=_factor(proposal.epochs),
        batch_size=_factor(proposal.batch_sizes, ", scale: log"),
        patches=_factor(proposal.patches, step) + f"   # class-balanced: {share}",
    )


def _without_stain(text: str, proposal: Proposal) -> str:
    """A template without ``stain_jitter``, where patches have none."""
    if proposal.channels == 3:
        return text
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith("  stain_jitter:")]
    return re.sub(r"stain_jitter, |, stain_jitter\b", "", "".join(kept)).replace("These three", "These two")


def _shipped(name: str) -> str:
    return (files("hpo.config") / "templates" / name).read_text(encoding="utf-8")


def _factor(levels: tuple[int, ...], more: str = "") -> str:
    return f"{{reference: {levels[len(levels) // 2]}, levels: {list(levels)}{more}}}"


def _told(key: str, value: object, comment: str) -> str:
    return f"{f'  {key}: {value}':<29} # {comment}"


def _valid_patches(count: int | None) -> str:
    if count is None:
        return "  # valid_patches: 2000       # measure each epoch on fewer validation patches than there are"
    return _told("valid_patches", count, "measure each epoch on fewer validation patches than there are")


def _split(proposal: Proposal) -> str:
    rule = f"split: {{valid: 0.2, test: 0.2, seed: {proposal.split_seed}}}"
    if not proposal.split:
        return f"  # {rule}   # of a single labelled file; by slide where slides are known"
    how = (
        "every slide on one side" if proposal.by_slide else "slides unknown: one slide's patches may fall on both sides"
    )
    return f"  {rule}   # {how}"


def dashboard_template() -> str:
    """A new dashboard's text: the report with everything in it."""
    return _shipped("dashboard.yaml")


def _quoted(text: str) -> str:
    plain = re.fullmatch(r"[\w./-]*[A-Za-z/][\w./-]*", text)
    return text if plain else json.dumps(text, ensure_ascii=False)  # JSON's strings are YAML's
