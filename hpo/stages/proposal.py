"""A proposal for a new study on given data: sizes, splits, architectures and a budget of minutes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.config.template import Proposal, search_space_template, study_template
from hpo.recipe.architecture import ARCHITECTURES, CnnSpec
from hpo.recipe.geometry import is_fitting, multiplications
from hpo.stages.estimate import estimate
from hpo.stages.look import Look

CORE_SPEED = 40e9
"""Multiplications and additions a second of a core: model1 to model4 train at 44 to 53 billion (docs/performance)."""

_PATCH_SECONDS = 20e-6
"""Fetching and augmenting a patch of 96 x 96."""

_TRAINING_SECONDS, _EPOCH_SECONDS, _GRAPH_SECONDS, _STUDY_SECONDS = 0.2, 0.02, 1.5, 25.0
"""Starting a training; ending an epoch; compiling for another batch size; starting, testing and reporting.

A study of 100 trainings and 1,900 epochs of 24 to 40 patches took 166 s of processor time.
"""

_FEWEST_PATCHES = 200
"""Training patches below which a study is not shrunk to save time."""


@dataclass(frozen=True)
class Size:
    """The size of a study; see `Proposal`.

    Args:
        epochs: levels of stage 1.
        stage2_epochs: of stage 2's longest trainings.
        longest: stage 2 may spend as much as so many of its longest trainings with all patches.
        seeds: number of final trainings.
    """

    epochs: tuple[int, int, int]
    stage2_epochs: int
    longest: int
    seeds: int


SIZES = (
    Size((10, 20, 40), 40, 8, 5),
    Size((5, 10, 20), 20, 6, 5),
    Size((2, 4, 8), 8, 5, 5),
    Size((1, 2, 4), 4, 4, 3),
    Size((1, 2, 3), 3, 3, 2),
)
"""From much to little; the first two are for few patches, and all patches are used before epochs are added."""

_USUAL = 2


def propose(look: Look, minutes: float, cores: int) -> tuple[Proposal, float]:
    """The largest study expected to end in time, and its expected seconds.

    All patches come before more epochs. If even the smallest study takes longer, it is that one.

    Args:
        look: the data.
        minutes: that it may take.
        cores: that train.
    """
    seconds = 0.0
    proposal = Proposal()
    for proposal in _candidates(look, minutes * 60, cores):
        seconds = expected_seconds(_loaded(proposal), sum(look.counts["valid"]), cores)
        if seconds <= minutes * 60:
            break
    rounded = math.ceil(seconds / 60)
    unit = "minute" if rounded == 1 else "minutes"
    told = f"about {rounded} {unit}, estimated for {cores} cores; hpo plan --calibrate measures it."
    return replace(proposal, time=told), seconds


def _candidates(look: Look, allowed: float, cores: int) -> Iterator[Proposal]:
    architectures = fitting_architectures(look.patch_size)
    for number, size in enumerate(SIZES):
        whole = _proposal(look, size, look.available, architectures)
        yield whole
        if number >= _USUAL:
            yield from _with_fewer_patches(look, whole, size, architectures, allowed, cores)
    if len(architectures) > 1:
        yield from _with_fewer_patches(look, whole, SIZES[-1], architectures[:1], 0, cores)


def _with_fewer_patches(
    look: Look, whole: Proposal, size: Size, architectures: tuple[str, ...], allowed: float, cores: int
) -> Iterator[Proposal]:
    """The same study on as many patches as the time allows, if those are enough."""
    valid = sum(look.counts["valid"])
    half = _proposal(look, size, look.available // 2, architectures)
    most, fewer = (expected_seconds(_loaded(each), valid, cores) for each in (whole, half))
    fewest = min(look.available, _FEWEST_PATCHES if size == SIZES[-1] else 5 * _FEWEST_PATCHES)
    each = (most - fewer) / max(1, whole.patches[-1] - half.patches[-1])
    count = fewest if allowed <= 0 or each <= 0 else int(whole.patches[-1] - (most - allowed) / each)
    if fewest <= count < look.available or allowed <= 0:
        yield _proposal(look, size, max(count, fewest), architectures)


def _proposal(look: Look, size: Size, patches: int, architectures: tuple[str, ...]) -> Proposal:
    levels, step = patch_levels(patches)
    valid = sum(look.counts["valid"])
    enough = max(200, levels[-1] // 2)
    return Proposal(
        patch_size=look.patch_size,
        about=look.lines(),
        split=look.split_seed is not None,
        split_seed=look.split_seed or 0,
        by_slide=look.has_slides,
        valid_patches=enough if valid > 2 * enough else None,
        architectures=architectures,
        epochs=size.epochs,
        batch_sizes=batch_levels(levels[0]),
        patches=levels,
        patch_step=step,
        stage2_epochs=size.stage2_epochs,
        patch_visits=_two_digits(size.longest * size.stage2_epochs * levels[-1]),
        seeds=size.seeds,
        classes=len(look.classes),
        channels=look.channels,
    )


def _two_digits(count: int) -> int:
    """The nearest number with two digits other than zero."""
    return int(float(f"{count:.1e}"))


def patch_levels(most: int) -> tuple[tuple[int, ...], int]:
    """A quarter, half and all of the patches, in round even numbers, and the step that they are multiples of.

    Args:
        most: class-balanced training patches; at least 4.
    """
    rounds = [factor * 10**power for power in range(7) for factor in (2, 4, 10)]
    step = max((number for number in rounds if number <= most / 10), default=2)
    return tuple(sorted({max(step, part // step * step) for part in (most // 4, most // 2, most)})), step


def batch_levels(fewest: int) -> tuple[int, ...]:
    """Up to three batch sizes, each double the last, which the fewest patches fill."""
    largest = 2 ** min(6, int(math.log2(fewest)))
    return tuple(size for size in (largest // 4, largest // 2, largest) if size >= 1)


def fitting_architectures(patch_size: int) -> tuple[str, ...]:
    """Two architectures whose windows fit the patches, as items of a study file; below 20 pixels a small CNN."""
    names = ("model2", "model3", "model1", "model4")
    fitting = [
        name for name in names if isinstance(spec := ARCHITECTURES[name], CnnSpec) and is_fitting(spec, patch_size)
    ]
    if len(fitting) >= 2:
        return tuple(fitting[:2])
    kernels = [min(3, patch_size), *(min(3, patch_size // 2**depth) for depth in (1, 2) if patch_size // 2**depth >= 3)]
    layers = ", ".join(f"{{kernel: {kernel}, filters: {16 * 2**n}}}" for n, kernel in enumerate(kernels))
    return (*fitting, f"{{name: small, convolutions: [{layers}], dense: [32]}}")


def expected_seconds(study: StudyFile, valid_patches: int, cores: int) -> float:
    """Expected seconds of a study with one worker, from `CORE_SPEED`; upper bounds as in `estimate`.

    Args:
        study: of described CNNs only.
        valid_patches: that there are.
        cores: that train.
    """
    seconds = _STUDY_SECONDS
    stages = estimate(study)
    longest = max(*map(int, study.space.factors["epochs"].levels), study.stage2.epochs, study.confirm.epochs)
    valid = min(valid_patches, study.data.valid_patches or valid_patches)
    for name, spec in study.architecture_specs.items():
        if not isinstance(spec, CnnSpec):
            continue
        own = [stage for stage in stages if stage.architecture == name]
        each = 6 * multiplications(spec, study.data.patch_size) / (cores * CORE_SPEED)
        each += _PATCH_SECONDS * (study.data.patch_size / 96) ** 2
        trainings = sum(stage.trainings for stage in own)
        searched = sum(stage.trainings for stage in own if stage.stage == "stage2")
        batches = len(study.space.factors["batch_size"].levels) + searched
        epochs = trainings * min(longest, study.stage2.epochs * 1.2)
        seconds += sum(stage.shared_patch_visits for stage in own) * each + batches * _GRAPH_SECONDS
        seconds += trainings * _TRAINING_SECONDS + epochs * (_EPOCH_SECONDS + valid * each / 3)
    return seconds


def _loaded(proposal: Proposal) -> StudyFile:
    """The study that would be written, as `hpo plan` would read it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        names = {"search_space": "space.yaml", "dashboard": "board.yaml"}
        text = study_template("new", file="new.yaml", data="data", makes_sample=False, proposal=proposal, **names)
        (place / "new.yaml").write_text(text, encoding="utf-8")
        (place / "space.yaml").write_text(search_space_template(proposal), encoding="utf-8")
        (place / "board.yaml").write_text("panels: [{panel: compute}]\n", encoding="utf-8")
        return load_study(place / "new.yaml")
