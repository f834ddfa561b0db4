"""The two stages as a block diagram, with this study's own numbers (the paper's Fig. 2)."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.config.stages import ConfirmSettings
from hpo.reports.html import Html, element, escape
from hpo.reports.panel import Panel
from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults
from hpo.results.trainings import StageName
from hpo.results.words import (
    arithmetic_words,
    count,
    design_words,
    factor_words,
    listed,
    metric_words,
    plural,
    speaking_words,
    within_words,
)

_WEIGHTS = {
    "cold": "random initial weights",
    "warm": "weights reused from stage 1",
    "shrink_perturb": "weights of stage 1, shrunk and perturbed",
}
_SEARCHED = "random initial weights or stage 1's, as searched"


class Block(NamedTuple):
    """One box of the diagram, and what it hands to the next."""

    heading: str
    lines: list[str]
    hands_on: str


class TwoStages(NamedTuple):
    """The boxes from first to last, and the numbers of stage-1 trials, stage-2 trials and final trainings in words."""

    blocks: list[Block]
    trials: tuple[str, str, str]


def read(results: StudyResults, _options: PanelSettings) -> TwoStages:
    """The study's settings, and how far its stages are."""
    settings = results.settings
    metric = metric_words(settings.objective.metric)
    first = [f"validation {metric} {speaking_words(settings.objective)} judges every trial"]
    if results.data is not None:
        first = [f"{count(split.patches)} patches to {name}" for name, split in results.data.splits.items()] + first
    if settings.balance == "natural":
        first.append("training patches at the classes' own ratio")
    rechecked = settings.stage2.recheck
    folds = settings.stage2.folds
    normalized = ["BatchNormalization inserted"] * settings.stage2.batch_normalization
    return TwoStages(
        [
            Block("Data", first, "train, valid"),
            Block(
                "Stage 1: explore",
                [
                    "random initial weights",
                    *arithmetic_words(settings.arithmetic),
                    design_words(settings.stage1.design),
                    listed(factor_words(name) for name in settings.stage1.factors),
                    _progress(results, "stage1"),
                ],
                "ranges, weights",
            ),
            Block(
                "Stage 2: tune",
                [
                    _SEARCHED if settings.stage2.tunes_start else _WEIGHTS[settings.stage2.warm_start],
                    *arithmetic_words(settings.arithmetic),
                    *normalized,
                    f"{design_words(settings.stage2.design)} search {within_words(settings.stage2.within)}",
                    listed(factor_words(name) for name in settings.stage2.factors),
                    *([f"each trial in {folds} folds, judged by their mean"] if folds else []),
                    _progress(results, "stage2"),
                    *(
                        [f"the best {rechecked.top} again with fresh seeds"]
                        if rechecked is not None and rechecked.top
                        else []
                    ),
                ],
                "best settings",
            ),
            Block(
                "Confirm",
                [
                    "reference and tuned settings",
                    *(["the reference also for as many patch-visits"] if settings.confirm.equal_training else []),
                    *arithmetic_words(settings.arithmetic),
                    f"{plural(len(settings.confirm.seeds), 'seed')} each, the same for both",
                    *_final_epochs(settings.confirm),
                    *(["predictions averaged over the eight symmetries"] if settings.confirm.symmetries else []),
                ],
                "frozen models",
            ),
            Block("Test", ["test split opened once a model", "paired differences with 95% intervals"], ""),
        ],
        (
            plural(len(results.trials_of("stage1")), "stage-1 trial"),
            plural(len(results.trials_of("stage2")), "stage-2 trial"),
            plural(len(results.confirmations), "final training"),
        ),
    )


def draw(data: TwoStages, _looks: Looks) -> Html:
    """Boxes with arrows between them; they wrap on a narrow page."""
    parts: list[Html] = []
    for block in data.blocks:
        lines = element("ul", *(element("li", escape(line)) for line in block.lines))
        parts.append(element("div", element("h4", escape(block.heading)), lines, class_="block"))
        if block.hands_on:
            arrow = Html('<svg viewBox="0 0 48 12" aria-hidden="true"><path d="M0 6h44M38 1l6 5-6 5"/></svg>')
            parts.append(element("div", element("span", escape(block.hands_on)), arrow, class_="arrow"))
    return element("div", *parts, class_="flow")


def finding(data: TwoStages) -> str:
    """Numbers of trials and final trainings."""
    return f"{data.trials[0]} explore, {data.trials[1]} tune, and {data.trials[2]} compare before with after."


def explain(_data: TwoStages) -> str:
    """The purpose of each stage."""
    return (
        "Stage 1 varies the hyper-parameters from random weights and finds the good ranges; stage 2 searches within "
        "them, or within the whole search space. All choices use train and validation only."
    )


def _final_epochs(confirm: ConfirmSettings) -> list[str]:
    epochs = plural(confirm.epochs, "epoch")
    if confirm.patience is None:
        return [epochs]
    return [f"at most {epochs}", f"ended after {plural(confirm.patience, 'epoch')} without improvement, the best kept"]


def _progress(results: StudyResults, stage: StageName) -> str:
    trials = results.trials_of(stage)
    if not trials:
        return "not started"
    ended = sum(trial.state in ("complete", "pruned", "failed") for trial in trials)
    return plural(ended, "trial") if ended == len(trials) else f"{ended} of {plural(len(trials), 'trial')} done"


PANEL = Panel("The two stages", read, draw, finding, explain)
