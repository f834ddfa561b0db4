"""Invented studies: plausible, quick to make, and known to the digit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hpo.config.stages import ConfirmSettings, RecheckSettings, Stage1Settings, Stage2Settings
from hpo.evaluation.front import Objectives, Rule
from hpo.evaluation.objective import Objective
from hpo.recipe.key import digest
from hpo.recipe.point import Value
from hpo.results.cost import ComputeEntry, ComputeRole
from hpo.results.data import DataDescription, Mistake, SplitDescription
from hpo.results.decisions import Donor, FactorRange, TestOpening
from hpo.results.settings import FactorSettings, StudySettings
from hpo.results.study import StudyResults
from hpo.results.trainings import Candidate, Confirmation, Fault, FoldRun, FreshTraining, InFolds, Role, TrialResult
from hpo.storage.ledger import Compute, TrainedEpoch
from hpo.storage.plans import AcceptedPlan, PlanChange
from hpo.storage.workers import WorkerSpan

FACTORS = {
    "patches": FactorSettings("patches", 4000, (1000, 2000, 4000, 8000), "log"),
    "batch_size": FactorSettings("batch_size", 32, (16, 32, 64, 128), "log"),
    "learning_rate": FactorSettings("learning_rate", 0.01, (0.001, 0.003, 0.01, 0.03, 0.1), "log"),
    "epochs": FactorSettings("epochs", 10, (5, 10, 20, 40), "linear"),
    "strategy": FactorSettings("strategy", "constant", ("constant", "time_based", "step", "exponential")),
}
REFERENCE: dict[str, Value] = {name: factor.reference for name, factor in FACTORS.items()}
PATCHES = 600
VALID_LABELS = (np.arange(500) % 2).astype(np.uint8)
BEGAN = 1_794_990_000.0
OWNERS = ("lab-1:4711:100", "lab-2:4712:200")
SLIDES = 24
SEPARATION: dict[Role, float] = {"before": 1.9, "after": 2.5, "cold_control": 2.25}

MORE_TRIALS = PlanChange("stage2.trials: 12 -> 20", "taken", "stage 2 continues where it ended")
"""What was changed of the study's plan."""


def _curve(random: np.random.Generator, epochs: int, ceiling: float) -> tuple[dict[str, float], ...]:
    """Metrics that rise towards a ceiling, with the noise of real validation curves."""
    reached = ceiling - 0.3 * np.exp(-np.arange(1, epochs + 1) / 6) + random.normal(0, 0.006, epochs)
    shifts = {"accuracy": 0.0, "precision": 0.01, "recall": -0.015, "f1": -0.004, "auc": 0.07}
    return tuple(
        {f"valid_{name}": float(np.clip(value + shift, 0, 1)) for name, shift in shifts.items()}
        | {"valid_loss": float(1.2 - value)}
        for value in reached
    )


def _ceiling(place: int, point: dict[str, Value]) -> float:
    rate, patches, batch = (float(point[name]) for name in ("learning_rate", "patches", "batch_size"))
    loss = (
        0.03 * abs(np.log10(rate / 0.006)) ** 1.5
        + 0.015 * np.log2(8000 / patches) * 0.6
        + 0.008 * abs(np.log2(batch / 24))
    )
    return 0.88 + 0.008 * place - float(loss) - 0.02 * (point["strategy"] == "exponential")


def _key(stage: str, architecture: str, point: Mapping[str, Value]) -> str:
    """Points that differ only in epochs are one training."""
    settings = {name: value for name, value in point.items() if name != "epochs"}
    return digest(settings | {"of": architecture, "in": stage})


def _trial(stage: str, architecture: str, place: int, number: int, point: dict[str, Value]) -> TrialResult:
    key = _key(stage, architecture, point)
    of_key = np.random.default_rng(int(key[:8], 16))
    curve = _curve(of_key, 40, _ceiling(place, point) + 0.02 * (stage == "stage2"))[: int(point["epochs"])]
    return TrialResult(
        stage="stage1" if stage == "stage1" else "stage2",
        architecture=architecture,
        number=number,
        point=point,
        state="complete",
        recipe_key=key,
        objective=curve[-1]["valid_auc"],
        standard_error=0.006,
        metrics=curve[-1],
        curve=curve,
        donor=(_key("stage1", architecture, REFERENCE), 40) if stage == "stage2" else None,
        patch_visits=int(point["epochs"])
        * (int(point["patches"]) // int(point["batch_size"]))
        * int(point["batch_size"]),
    )


def _trials(architecture: str, place: int, random: np.random.Generator) -> list[TrialResult]:
    points = [REFERENCE]
    for name, factor in FACTORS.items():
        points += [{**REFERENCE, name: level} for level in factor.levels if level != factor.reference]
    trials = [_trial("stage1", architecture, place, number, point) for number, point in enumerate(points)]
    for number in range(14):
        point = REFERENCE | {
            "learning_rate": float(np.exp(random.uniform(np.log(0.002), np.log(0.02)))),
            "batch_size": int(random.integers(16, 49)),
            "patches": int(random.integers(4000, 8001)),
            "epochs": 20,
        }
        trials.append(_trial("stage2", architecture, place, number, point))
    last = trials[-1]
    trials[-1] = replace(
        last,
        state="failed",
        objective=None,
        metrics={},
        curve=(),
        failure="the training loss was not finite in epoch 3",
    )
    return trials


def _final_trainings(
    architecture: str, place: int, seeds: tuple[int, ...], labels: NDArray[np.uint8], slides: NDArray[np.str_]
) -> list[Confirmation]:
    """Predictions whose seeds agree for the most part, and whose slides are harder or easier as a whole."""
    shared = np.random.default_rng(100).normal(size=len(labels))
    hardness = np.random.default_rng(101).normal(0, 0.5, SLIDES)[np.unique(slides, return_inverse=True)[1]]
    trainings = []
    for role, separation in SEPARATION.items():
        for seed in seeds:
            random = np.random.default_rng((place, seed, len(role)))
            own = random.normal(size=len(labels)) * 0.6 + random.normal(0, 0.05)
            gain = separation + 0.12 * place * (role == "after") + random.normal(0, 0.08)
            logits = gain * (labels - 0.5) + shared + hardness + own
            tuned: dict[str, Value] = {"learning_rate": 0.0057, "batch_size": 24, "patches": 7200}
            point = REFERENCE | (tuned if role != "before" else {})
            probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
            curve = _curve(random, 40, 0.84 + 0.01 * place + 0.03 * (role != "before"))
            valid_logits = gain * (VALID_LABELS - 0.5) + random.normal(size=len(VALID_LABELS)) + 0.3
            key = digest({"of": architecture, "role": role, "seed": seed})
            trainings.append(
                Confirmation(
                    architecture,
                    role,
                    seed,
                    point,
                    40,
                    curve,
                    probabilities,
                    valid_probabilities=(1 / (1 + np.exp(-valid_logits))).astype(np.float32),
                    recipe_key=key,
                    donor=(digest({"donor of": architecture, "seed": seed}), 40) if role == "after" else None,
                    objective=curve[-1]["valid_auc"],
                )
            )
    return trainings


def _trained(trials: list[TrialResult], trainings: list[Confirmation]) -> list[TrainedEpoch]:
    """The ledger of two workers that take what comes next; a training that several trials share is trained once."""
    longest: dict[str, tuple[int, int]] = {}
    for one in (*trials, *trainings):
        epochs = max(int(one.point["epochs"]) if isinstance(one, TrialResult) else one.epochs, 1)
        known = longest.get(one.recipe_key, (0, 0))
        longest[one.recipe_key] = (max(known[0], epochs), int(one.point["patches"]))
    free_at = [BEGAN, BEGAN + 4.0]
    entries = []
    for key, (epochs, patches) in longest.items():
        worker = free_at.index(min(free_at))
        for epoch in range(1, epochs + 1):
            seconds = patches / 5200
            free_at[worker] += seconds
            entries.append(TrainedEpoch(key, epoch, patches, seconds, OWNERS[worker], free_at[worker]))
    return sorted(entries, key=lambda entry: entry.at)


def _finished(trials: list[TrialResult], entries: list[TrainedEpoch]) -> list[TrialResult]:
    ended = {(entry.recipe_key, entry.epoch): entry.at for entry in entries}
    return [replace(trial, finished_at=ended[trial.recipe_key, int(trial.point["epochs"])]) for trial in trials]


def _workers(entries: list[TrainedEpoch]) -> tuple[WorkerSpan, ...]:
    """The second one was killed somewhere in the middle, and was never told of its end."""
    last = entries[-1].at
    return (
        WorkerSpan(OWNERS[0], "GPU 0", BEGAN - 9, last + 1, last + 1),
        WorkerSpan(OWNERS[1], "GPU 1", BEGAN - 5, entries[len(entries) // 2].at, None),
    )


def _mistakes(labels: NDArray[np.uint8], slides: NDArray[np.str_]) -> tuple[Mistake, ...]:
    random = np.random.default_rng(9)
    found = []
    for label, share in ((0, 0.97), (1, 0.03)):
        for place, row in enumerate(np.flatnonzero(labels == label)[:14]):
            pixels = np.clip(random.normal((181, 147 - 25 * label, 179), 22, (96, 96, 3)), 0, 255).astype(np.uint8)
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "JPEG")
            probability = share - 0.02 * place if label == 0 else share + 0.02 * place
            found.append(Mistake(int(row), label, probability, file.getvalue(), str(slides[row])))
    return tuple(found)


def _compute(architecture: str, place: int) -> list[ComputeEntry]:
    cost: dict[ComputeRole, tuple[int, int, float]] = {
        "stage1": (420, 1_640_000, 1.9),
        "stage2": (260, 1_510_000, 1.0),
        "before": (200, 800_000, 1.0),
        "after": (200, 1_440_000, 1.0),
        "cold_control": (200, 1_440_000, 1.0),
    }
    return [
        ComputeEntry(
            architecture, role, Compute(epochs, visits, visits / 5200 * (1 + place / 4)), round(visits * factor)
        )
        for role, (epochs, visits, factor) in cost.items()
    ]


def _contact_sheet() -> bytes:
    random = np.random.default_rng(3)
    rows, columns, side = 2, 9, 96
    sheet = np.full((rows * (side + 6) + 6, columns * (side + 6) + 6, 3), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            patch = np.clip(random.normal((181, 147 - 25 * row, 179), 22, (side, side, 3)), 0, 255)
            top, left = 6 + row * (side + 6), 6 + column * (side + 6)
            sheet[top : top + side, left : left + side] = patch
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "WEBP")
    return file.getvalue()


def invent_study(
    architectures: tuple[str, ...] = ("model1", "model2", "model3", "model4"),
    seeds: tuple[int, ...] = (0, 1, 2),
    name: str = "invented",
) -> StudyResults:
    """A finished study of the given architectures."""
    random = np.random.default_rng(1)
    labels = random.permutation(np.arange(PATCHES) % 2).astype(np.uint8)
    slides = np.array([f"slide_{number:03d}" for number in random.integers(0, SLIDES, PATCHES)])
    settings = StudySettings(
        name=name,
        architectures=architectures,
        objective=Objective("auc", "last"),
        factors=FACTORS,
        stage1=Stage1Settings(factors=tuple(FACTORS)),
        stage2=Stage2Settings(factors=("learning_rate", "batch_size", "patches"), epochs=20, trials=40),
        confirm=ConfirmSettings(epochs=40, seeds=seeds),
    )
    trials, trainings, compute, donors, ranges, openings = [], [], [], [], [], []
    for place, architecture in enumerate(architectures):
        trials += _trials(architecture, place, random)
        trainings += _final_trainings(architecture, place, seeds, labels, slides)
        compute += _compute(architecture, place)
        donor = next(trial for trial in trials if trial.architecture == architecture and trial.point["epochs"] == 40)
        donors.append(Donor(architecture, donor.point, 40, donor.recipe_key, donor.objective or 0.0, 160_000))
        ranges += [
            FactorRange(architecture, "learning_rate", 0.0017, 0.0173, (), 0.01, edited=place == 1),
            FactorRange(architecture, "batch_size", 16, 45.25, (), 32),
            FactorRange(architecture, "patches", 4000, 8000, (), 8000),
            FactorRange(architecture, "strategy", None, None, ("constant", "time_based"), "constant"),
        ]
        openings.append(
            TestOpening(
                architecture, 1_795_000_000.0 + 60 * place, "worker 4711 on lab-2", digest(architecture), digest("test")
            )
        )
    entries = _trained(trials, trainings)
    return StudyResults(
        settings=settings,
        trials=tuple(_finished(trials, entries)),
        confirmations=tuple(trainings),
        test_labels=labels,
        test_slides=slides,
        valid_labels=VALID_LABELS,
        test_openings=tuple(openings),
        plans=(AcceptedPlan(1.7e9, {}), AcceptedPlan(1.7e9 + 60, {}, (MORE_TRIALS,))),
        compute=tuple(compute),
        donors=tuple(donors),
        ranges=tuple(ranges),
        data=DataDescription(
            "synthetic patches in PCam's format",
            96,
            {
                "train": SplitDescription(8000, 4000, 60),
                "valid": SplitDescription(2000, 1000, 20),
                "test": SplitDescription(PATCHES, int(labels.sum()), SLIDES),
            },
            digest("train and valid"),
            digest("test"),
            _contact_sheet(),
        ),
        versions={"hpo": "0.1.0", "Python": "3.11.7", "tensorflow": "2.21.0", "keras": "3.15.0", "optuna": "5.0.0"},
        epochs=tuple(entries),
        workers=_workers(entries),
        faults=(
            Fault("stage2", architectures[0], OWNERS[1], 1, entries[len(entries) // 2].at + 30, "the worker died"),
        ),
        mistakes=_mistakes(labels, slides),
    )


def stages_changed(settings: StudySettings, **sections: dict[str, object]) -> StudySettings:
    """The same settings, with other values in these sections."""
    changed: dict[str, Any] = {
        name: getattr(settings, name).model_copy(update=values) for name, values in sections.items()
    }
    return replace(settings, **changed)


def honest_study(
    architectures: tuple[str, ...] = ("model1", "model2"), seeds: tuple[int, ...] = (0, 1, 2)
) -> StudyResults:
    """The same with a recheck, which chose the second of stage 2's best, and an equally trained reference."""
    plain = invent_study(architectures, seeds, "honest")
    recheck = RecheckSettings(top=2, seeds=2)
    settings = stages_changed(plain.settings, stage2={"recheck": recheck}, confirm={"equal_training": True})
    trainings, compute, candidates = list(plain.confirmations), list(plain.compute), []
    for architecture in architectures:
        of_role = {role: [one for one in trainings if (one.architecture, one.role) == (architecture, role)]
                   for role in ("before", "after")}  # fmt: skip
        for before, after in zip(of_role["before"], of_role["after"], strict=True):
            assert before.test_probabilities is not None
            assert after.test_probabilities is not None
            halfway = 0.5 * before.test_probabilities + 0.5 * after.test_probabilities
            curve = tuple(before.curve) + tuple(before.curve[-1:]) * 32
            trainings.append(
                replace(before, role="equal", epochs=72, curve=curve, test_probabilities=halfway.astype(np.float32))
            )
        compute += [
            ComputeEntry(architecture, "recheck", Compute(80, 480_000, 90.0), 480_000),
            ComputeEntry(architecture, "equal", Compute(96, 384_000, 70.0), 1_184_000),
        ]
        best = sorted(
            plain.finished("stage2", architecture),
            key=lambda one: -(one.objective or 0.0),
        )[:2]
        for number, trial in enumerate(best, 1):
            fresh = tuple(
                FreshTraining(
                    seed,
                    20,
                    digest([trial.recipe_key, seed]),
                    curve=trial.curve,
                    objective=(trial.objective or 0.0) - 0.03 / number + 0.001 * seed,
                )
                for seed in (7, 8)
            )
            candidates.append(
                Candidate(
                    architecture, number, trial.point, trial.recipe_key, trial.objective or 0.0, fresh, number == 2
                )
            )
    return replace(
        plain,
        settings=settings,
        confirmations=tuple(trainings),
        candidates=tuple(candidates),
        compute=tuple(compute),
    )


def running_study(results: StudyResults) -> StudyResults:
    """The same study some time before its end: the first architecture is being confirmed, the others are in stage 1."""
    first = results.settings.architectures[0]
    trials = tuple(
        trial
        if trial.architecture == first
        else replace(trial, state="running", objective=None, metrics={}, curve=trial.curve[:2])
        for trial in results.trials
        if trial.architecture == first or trial.stage == "stage1"
    )
    trainings = tuple(
        training if training.role == "before" else replace(training, test_probabilities=None)
        for training in results.confirmations
        if training.architecture == first
    )
    return replace(
        results,
        trials=trials,
        confirmations=trainings,
        test_openings=(),
        donors=results.donors[:1],
        ranges=tuple(one for one in results.ranges if one.architecture == first),
        compute=tuple(entry for entry in results.compute if entry.architecture == first),
    )


def several(
    results: StudyResults, *names: str, within: float = 0.01, sizes: Mapping[str, float] | None = None
) -> StudyResults:
    """The study as if its stage 2 had had several objectives.

    Args:
        results: of the study.
        names: the other objectives.
        within: of the rule.
        sizes: what every network of an architecture has of them, instead of something that differs.
    """
    objective = results.settings.objective
    objectives = Objectives((objective.metric, *names), Rule(objective.metric, within, names[0]), objective)
    trials = []
    for trial in results.trials:
        told = trial.stage == "stage2" and trial.state == "complete" and trial.objective is not None
        others = tuple(float(1000 * (1 + (7 * trial.number + place) % 5)) for place in range(len(names)))
        if sizes is not None:
            others = tuple(sizes[trial.architecture] for _ in names)
        trials.append(replace(trial, values=(trial.objective or 0.0, *others)) if told else trial)
    return replace(
        results, settings=replace(results.settings, objectives=objectives), trials=tuple(trials), candidates=()
    )


def folded(results: StudyResults) -> StudyResults:
    """The study as if each final training but the control had been one of a fold."""
    sides = {"before": "before", "after": "after"}
    runs = [
        FoldRun(one.architecture, sides[one.role], one.seed, 7, one.test_probabilities)  # type: ignore[arg-type]
        for one in results.confirmations
        if one.role in sides and one.test_probabilities is not None
    ]
    confirm = results.settings.confirm.model_copy(update={"folds": 5})
    return replace(results, settings=replace(results.settings, confirm=confirm), folds=tuple(runs))


def searched_in_folds(results: StudyResults, folds: int = 3) -> StudyResults:
    """The study as if each trial of stage 2 had been trained in folds that differ a little."""
    stage2 = results.settings.stage2.model_copy(update={"folds": folds})
    trials = []
    for trial in results.trials:
        if trial.stage == "stage2":
            values = () if trial.objective is None else tuple(trial.objective + 0.01 * (n - 1) for n in range(folds))
            keys = tuple(f"{trial.recipe_key}-{n}" for n in range(folds))
            trial = replace(trial, folds=InFolds(keys, (), values))
        trials.append(trial)
    return replace(results, settings=replace(results.settings, stage2=stage2), trials=tuple(trials))
