"""A whole study in milliseconds: real files, a real database, and a worker that makes its curves up."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.load import load_study
from hpo.config.stage import STAGES, Stage
from hpo.config.study import StudyFile
from hpo.evaluation.front import objectives_of
from hpo.evaluation.objective import objective_of
from hpo.recipe.point import Point, apply_point
from hpo.recipe.recipe import recipe_from_json, recipe_to_json
from hpo.search.limits import network_sizes
from hpo.search.spaces import spaces_from_json
from hpo.stages.advance import Standing, advance
from hpo.stages.folds import FoldAddresses
from hpo.stages.plan import planned, stage1_points, template_recipe
from hpo.storage.artifacts import ArtifactFiles, curve_artifact
from hpo.storage.claims import Claim, claim_points
from hpo.storage.database import Database, open_database
from hpo.storage.decided import ConfirmResult, Stage2Plan
from hpo.storage.decisions import load_stages, stage_name
from hpo.storage.files import Files
from hpo.storage.ledger import record_epoch
from hpo.storage.outcomes import Outcome, complete_point, fail_point, settle_point, show_epochs
from hpo.storage.points import stage_points
from hpo.storage.predictions import PredictionStore, Split
from hpo.storage.stage_json import plan_of
from hpo.storage.tables import PointRow, StageRow

DATA = "d" * 64
"""Digest of the data."""

SPACE: dict[str, Any] = {
    "epochs": {"reference": 2, "levels": [1, 2, 4]},
    "batch_size": {"reference": 8, "levels": [8, 16, 32], "scale": "log"},
    "patches": {"reference": 64, "levels": [32, 64, 96], "step": 8},
    "learning_rate": {"reference": 0.01, "levels": [0.001, 0.01, 0.1], "low": 1e-4, "high": 1, "scale": "log"},
    "strategy": {"reference": "constant", "levels": ["constant", "step"]},
    "batch_normalization": {"reference": False, "levels": [False, True]},
}

STUDY: dict[str, Any] = {
    "name": "small",
    "data": {"folder": "data", "patch_size": 16},
    "search_space": "space.yaml",
    "dashboard": "dashboard.yaml",
    "architectures": [
        {"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]},
        {"name": "wide", "convolutions": [{"kernel": 3, "filters": 6}], "dense": [4]},
    ],
    "stage1": {"factors": ["epochs", "batch_size", "patches", "learning_rate", "strategy"]},
    "stage2": {"epochs": 3, "trials": 4, "factors": ["learning_rate", "batch_size", "patches"]},
    "confirm": {"epochs": 2, "seeds": [0, 1]},
    "workers": {"threads": 1},
    "output": "out",
}

STAGE1_POINTS = 10
"""The reference, and the 2 + 2 + 2 + 2 + 1 other levels of the five factors."""

Quality = Callable[[Point], float | None]
"""From a design point to what its training reaches, or None where it diverges."""


def write(
    folder: Path, *, space: Mapping[str, Any] = SPACE, strategies: Mapping[str, Any] | None = None, **changes: Any
) -> Path:
    """The study file, its search space and dashboard; a change to a section that is a mapping is merged into it."""
    study = dict(STUDY)
    for key, value in changes.items():
        is_section = isinstance(value, dict) and isinstance(study.get(key), dict)
        study[key] = {**study[key], **value} if is_section else value
        if is_section:
            study[key] = {name: setting for name, setting in study[key].items() if setting is not None}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "space.yaml").write_text(yaml.safe_dump({"factors": dict(space), "strategies": dict(strategies or {})}))
    (folder / "dashboard.yaml").write_text("panels: [{panel: compute}]\n")
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(study))
    return file


def load(folder: Path, **changes: Any) -> StudyFile:
    """The same, loaded."""
    return load_study(write(folder, **changes))


def smooth(point: Point) -> float | None:
    """Best at a learning rate of 0.01 and small batches, better with epochs and patches."""
    rate = abs(math.log10(float(point["learning_rate"]) / 0.01))
    batch = math.log2(float(point["batch_size"]) / 8)
    slow = 0.05 if point["strategy"] == "step" else 0.0
    return 0.8 - 0.1 * rate - 0.02 * batch + 0.01 * int(point["epochs"]) + 0.0005 * int(point["patches"]) - slow


def curve(quality: Quality, point: Point, epochs: int) -> list[dict[str, float]]:
    """The curve of a training: what one of each length reaches."""
    reached = [quality({**point, "epochs": epoch}) or 0.0 for epoch in range(1, epochs + 1)]
    return [{"valid_auc": value, "valid_loss": 1 - value} for value in reached]


def fault(reason: str) -> dict[str, Any]:
    """An attempt of a design point that ended badly."""
    return {"reason": reason, "owner": "a", "attempt": 1, "at": 0.0}


def finished_row(study: StudyFile, architecture: str, point: Point, quality: Quality = smooth) -> PointRow:
    """A stage-1 design point as the database holds it once it is done."""
    seed = study.stage1.seed
    plan = planned(template_recipe(study, architecture, DATA, seed), point)
    row = PointRow(
        point_key=plan.key,
        label=plan.label,
        point=plan.point,
        recipe=plan.recipe,
        recipe_key=plan.recipe_key,
        epochs=plan.epochs,
        faults=[],
        standard_error=0.0,
    )
    if quality(point) is None:
        row.state, row.faults = "failed", [fault("the training loss was not finite in epoch 1")]
    else:
        row.state, row.curve = "complete", curve(quality, point, int(point["epochs"]))
        row.objective = objective_of(study).value(row.curve)
    return row


def stage1_rows(study: StudyFile, quality: Quality = smooth, architecture: str = "tiny") -> list[PointRow]:
    """All of stage 1, done."""
    return [finished_row(study, architecture, point, quality) for point in stage1_points(study, architecture)]


@dataclass
class Story:
    """A study under way.

    Args:
        study: the study file.
        database: its database.
        quality: what each training reaches, by architecture; those not named are `smooth`.
        trained: epochs of each recipe so far; a worker trains only what is missing.
        seconds_an_epoch: what the ledger says an epoch took.
        owner: whom the ledger names.
        artifacts: where trials' files go; None is nowhere.
        folds: addresses of the folds that the study asks for.
    """

    study: StudyFile
    database: Database
    quality: dict[str, Quality] = field(default_factory=dict)
    trained: Counter[str] = field(default_factory=Counter)
    seconds_an_epoch: float = 1.0
    owner: str = "worker"
    artifacts: ArtifactFiles | None = None
    folds: FoldAddresses = field(default_factory=dict)

    def advance(self, until: Stage = "test") -> list[Standing]:
        return advance(self.database, self.study, DATA, until, folds=self.folds)

    def work(self, *, owner: str = "worker", settings: Mapping[str, Any] | None = None) -> list[Claim]:
        """Claim the next points and finish them; empty if nothing waits."""
        claims = self.database.run(claim_points, self.study.name, owner, 3600, settings)
        self.finish(claims)
        return claims

    def finish(self, claims: list[Claim]) -> None:
        """Finish what a worker has claimed."""
        for claim in claims:
            self._finish(claim)

    def run(self, until: Stage = "test") -> list[Standing]:
        """Decide and work until nothing is left."""
        for _ in range(1000):
            standings = self.advance(until)
            if all(standing.is_over(until) for standing in standings):
                return standings
            while self.work():  # as a worker does: it decides when nothing is left to claim
                pass
        raise AssertionError("the study does not end")

    def stages(self) -> dict[tuple[str, str], StageRow]:
        """Every stage that was opened."""
        with self.database.transaction() as session:
            return load_stages(session, self.study.name)

    def points(self, stage: Stage, architecture: str = "tiny") -> list[PointRow]:
        """The design points of a stage, in the order of the plan."""
        with self.database.transaction() as session:
            return stage_points(session, stage_name(self.study.name, stage, architecture))

    def everything(self) -> list[Any]:
        """All that was decided, planned and found, in a form that two moments can be compared by."""
        found: list[Any] = []
        for (stage, architecture), row in sorted(self.stages().items()):
            found.append((row.name, row.plan, row.opened_at, row.closed_at, row.result))
            found += [
                (point.id, point.point_key, point.point, point.state, point.recipe_key, point.objective)
                for point in self.points(STAGES[STAGES.index(stage)], architecture)
            ]
        return found

    def predict(self, *, test: int = 40, valid: int = 30) -> None:
        """Store what the runs of every test would have predicted: plausible, and different for each run."""
        store = PredictionStore(Files(self.study.checkpoints))
        sizes: dict[Split, int] = {"test": test, "valid": valid}
        for (stage, _), row in self.stages().items():
            if stage != "test":
                continue
            for split, size in sizes.items():
                labels = (np.arange(size) % 2).astype(np.uint8)
                slides = np.array([f"slide_{number % 5}" for number in range(size)])
                frozen = plan_of(row, ConfirmResult)
                store.save_truth(frozen.configuration, labels, slides, split)
                for run in frozen.runs:
                    chance = np.random.default_rng(int(run.recipe_key[:8], 16))
                    logits = 2.0 * (labels - 0.5) + chance.normal(size=size)
                    probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
                    store.save(frozen.configuration, run.role, run.seed, probabilities, split)

    def _finish(self, claim: Claim) -> None:
        if claim.stage == "test":
            self._complete(claim, Outcome(None, None, [], {}))
            return
        if claim.planned.point is None:
            claim = self._settled(claim)
        point, epochs = claim.planned.point or {}, claim.planned.epochs or 0
        quality = self.quality.get(claim.architecture, smooth)
        if quality({**point, "epochs": epochs}) is None:
            reason = "the training loss was not finite in epoch 1"
            self.database.run(fail_point, claim, reason, max_attempts=0)
            return
        self._train(claim.planned.recipe_key or "", epochs, int(point["patches"]))
        values = curve(quality, point, epochs)
        objective, artifact = objective_of(self.study), None
        if self.artifacts is not None and claim.trial_id is not None:
            artifact = curve_artifact(claim.stage_name, claim.planned.key, values)
            self.artifacts.keep(artifact)
            shown = {epoch: metrics[objective.column] for epoch, metrics in enumerate(values, 1)}
            self.database.run(show_epochs, claim, shown)
        several = objectives_of(self.study) if claim.stage == "stage2" else None
        told, bounds = (), {}
        if several is not None:
            recipe = recipe_from_json(claim.planned.recipe or {})
            (size,) = network_sizes(self.study, [recipe])
            quantities = {"parameters": size.parameters, "model_mb": size.model_mb}
            told = several.values(values, {**quantities, "patch_visits": recipe.patch_visits(epochs)})
            bounds = several.violations(told)
        self._complete(claim, Outcome(objective.value(values), 0.0, values, {}, artifact, told, bounds))

    def _complete(self, claim: Claim, outcome: Outcome) -> None:
        assert self.database.run(complete_point, claim, outcome)

    def _train(self, recipe_key: str, epochs: int, patches: int) -> None:
        with self.database.transaction() as session:
            for epoch in range(self.trained[recipe_key] + 1, epochs + 1):
                record_epoch(
                    session,
                    study=self.study.name,
                    recipe_key=recipe_key,
                    epoch=epoch,
                    patch_visits=patches,
                    seconds=self.seconds_an_epoch,
                    owner=self.owner,
                )
        self.trained[recipe_key] = max(self.trained[recipe_key], epochs)

    def _settled(self, claim: Claim) -> Claim:
        """The claim with values drawn from its stage's distributions, as a sampler would."""
        chance = random.Random(claim.planned.key)
        plan = claim.plan_as(Stage2Plan)
        values = {name: _draw(chance, space) for name, space in spaces_from_json(plan.space).items()}
        point = {**plan.fixed, **values}
        recipe, epochs = apply_point(plan.template, point)
        settled = replace(
            claim.planned, point=point, recipe=recipe_to_json(recipe), recipe_key=recipe.key, epochs=epochs
        )
        assert self.database.run(settle_point, claim, settled)
        return replace(claim, planned=settled)


def _draw(chance: random.Random, space: BaseDistribution) -> Any:
    if isinstance(space, CategoricalDistribution):
        return chance.choice(space.choices)
    assert isinstance(space, IntDistribution | FloatDistribution)
    if isinstance(space, IntDistribution):
        return chance.randrange(space.low, space.high + 1, space.step)
    if space.log:
        return math.exp(chance.uniform(math.log(space.low), math.log(space.high)))
    return chance.uniform(space.low, space.high)


Tell = Callable[..., Story]
"""Makes a story whose study file has some changes: the fixture `tell`."""


def advance_in_a_process(_number: int, file: str, url: str) -> list[Standing]:
    """What one of several processes does that decide at once."""
    database = open_database(url)
    try:
        return advance(database, load_study(file), DATA)
    finally:
        database.close()
