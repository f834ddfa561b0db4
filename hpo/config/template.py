"""The commented YAML files that ``hpo init`` writes for a new study."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from string import Template

_STUDY = Template("""\
# Study $name.
#
# Hardware: any CPU; a GPU is used if TensorFlow finds one.
# Time:     $time
# Expect:   report.html, best_config.yaml and a model per architecture in the output folder.
# Command:  hpo run $file
#
# Relative paths start at this file's folder. Lines that begin with '# ' and a key show a default or another choice.

name: $name

data:
$data
$patch_size
$valid_patches
$split

search_space: $search_space
dashboard: $dashboard

# model1 to model4 (Johny et al. 2021, Table 2), model1_counted to model4_counted, or your own:
architectures:
$architectures
  # - name: tiny
  #   convolutions: [{kernel: 5, filters: 16, stride: 2}, {kernel: 3, filters: 32}]
  #   dense: [32]
  # - {name: mine, function: "my_models:build"}   # from my_models.py beside this file

objective:
  metric: auc                 # auc, accuracy, precision, recall, f1 or loss, on validation patches
  epoch: last                 # which epoch speaks: last, best, or mean_last
  # last: 3                   # of mean_last: how many epochs are averaged

# Stage 1 explores: which range of each factor is good? From random weights.
stage1:
  design: one_factor          # or grid: all combinations of levels
  factors: [epochs, batch_size, patches, learning_rate, strategy]
  margin: 0.01                # levels this close to the best belong to the range
  seed: 0

# Stage 2 tunes inside those ranges, from stage 1's best weights.
stage2:
  design: tpe                 # or random, gp, cmaes, qmc; or asha: trainings pause, and the best go on
  factors: [learning_rate, batch_size, patches]
  epochs: $stage2_epochs
$trials
  warm_start: warm            # or cold, or shrink_perturb
  # batch_normalization: true # insert it in stage 2, keeping the other weights
  recheck: {top: 3, seeds: 2} # the best three again with two fresh seeds; their mean chooses
  seed: 0

# Then the reference and the tuned configuration are trained with the same seeds, and the test patches are opened once.
confirm:
  epochs: $confirm_epochs
  seeds: $seeds
  cold_control: true          # also the tuned configuration from random weights
  equal_training: true        # compare with the reference trained for as many patch-visits as the tuned model

# arithmetic: {compute_dtype: bfloat16}         # mixed precision; jit_compile: true has XLA compile, for GPUs
# workers: {lease_seconds: 60, max_attempts: 3, threads: 2}
$output
# database: postgresql+psycopg://user@host/name   # by default an SQLite file in the output folder
# checkpoints: s3://bucket/folder                 # by default a folder in the output folder
""")

_SAMPLE = """\
  folder: {folder}
  sample: {{train: 2000, valid: 1000, test: 1000, seed: 0}}   # made there; remove this line for patches of your own"""

_SEARCH_SPACE = Template("""\
# Which values each hyper-parameter may take.
#
#   reference   the report's "before", and where the other factors are varied
#   levels      what stage 1 tries, the reference among them
#   low, high   bounds of stage 2; by default the lowest and the highest level
#   scale       log for what spans powers of ten, else linear
#   step        stage 2 proposes low, low + step, ...

factors:
  epochs: $epochs
  batch_size: $batch_size
  patches: $patches
  learning_rate: {reference: 0.01, levels: [0.001, 0.003, 0.01, 0.03], low: 0.001, high: 0.1, scale: log}
  strategy: {reference: constant, levels: [constant, time_based, step, exponential]}
  # More factors: name them in stage1.factors or stage2.factors too.
  # stain_jitter: {reference: 0, levels: [0, 0.1, 0.2], high: 0.3, low: 0}
  # batch_normalization: {reference: false, levels: [false, true]}
  # momentum: {reference: 0.9, levels: [0, 0.5, 0.9]}
  # weight_decay: {reference: 0, levels: [0, 0.0001, 0.001]}
  # optimizer: {reference: sgd, levels: [sgd, adam, adamw]}
  # augmentation: {reference: true, levels: [false, true]}

# Parameters of the learning-rate strategies (Johny et al. 2021, Eqs. 1 to 3).
strategies:
  time_based: {decay: 0.001}            # rate / (1 + decay * optimizer step)
  step: {factor: 0.5, every: 2}         # rate * factor ^ floor((1 + epoch) / every)
  exponential: {rate: 0.2}              # rate * e ^ (-rate * epoch)
""")

_DASHBOARD = """\
# What the report shows, from top to bottom.

panels:
  - {panel: before_after, section: The answer}
  - {panel: comparison_table}

  - {panel: two_stages, section: The study}
  - {panel: data}

  - {panel: factor_effect, section: "Stage 1: explore", factor: learning_rate, width: third}
  - {panel: factor_effect, factor: batch_size, width: third}
  - {panel: factor_effect, factor: patches, width: third}
  - {panel: factor_effect, factor: epochs, width: half}
  - {panel: schedules, width: half}
  - {panel: strategy_curves}
  - {panel: learning_curves}
  - {panel: ranges}

  - {panel: range_axes, section: "Stage 2: tune"}
  - {panel: donors}
  - {panel: history, width: half}
  - {panel: importance, width: half}
  - {panel: slices}
  - {panel: contour, width: half}
  - {panel: parallel_coordinates, width: half}

  - {panel: before_after, section: Before and after tuning, metric: accuracy, width: half}
  - {panel: before_after, metric: f1, width: half}
  - {panel: before_after, metric: precision, width: half}
  - {panel: before_after, metric: recall, width: half}
  - {panel: roc}
  - {panel: precision_recall}
  - {panel: best_table}

  - {panel: cold_control, section: Is it the tuning?}
  - {panel: warm_start}

  - {panel: optimism, section: How sure?}
  - {panel: calibration}

  - {panel: confusion, section: Where it errs}
  - {panel: mistakes}

  - {panel: compute, section: What it cost}
  - {panel: best_so_far}
  - {panel: timeline}

  - {panel: lineage, section: Provenance}
  - {panel: test_openings}
  - {panel: failures}
  - {panel: versions}

  # A panel of your own: loss_by_hour(results) of my_panels.py, beside this file, returns a Plotly figure or a table.
  # - {panel: function, function: "my_panels:loss_by_hour"}
"""


@dataclass(frozen=True)
class Proposal:
    """What a new study is to say of its data and its size; the defaults are for data that nobody has seen.

    Args:
        patch_size: side of the patches, pixels.
        time: what the study is reckoned to take, for its head.
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
        stage2_epochs: epochs of the trainings of stage 2, and of the confirmation.
        trials: trainings of stage 2, for each architecture.
        seeds: number of final trainings.
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
    stage2_epochs: int = 4
    trials: int = 8
    seeds: int = 5


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
    return _STUDY.substitute(
        name=name,
        file=" ".join(file.split()),
        time=proposal.time,
        search_space=_quoted(search_space),
        dashboard=_quoted(dashboard),
        data="\n".join(lines),
        patch_size=_told("patch_size", proposal.patch_size, "pixels; the patches are square and RGB"),
        valid_patches=_valid_patches(proposal.valid_patches),
        split=_split(proposal),
        architectures="\n".join(f"  - {item}" for item in proposal.architectures),
        stage2_epochs=proposal.stage2_epochs,
        trials=_told("trials", proposal.trials, "or patch_visits: 100000, or minutes: 30; for each architecture"),
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
    return _SEARCH_SPACE.substitute(
        epochs=_factor(proposal.epochs),
        batch_size=_factor(proposal.batch_sizes, ", scale: log"),
        patches=_factor(proposal.patches, step) + "   # class-balanced: half of each class",
    )


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
    """A new dashboard's text."""
    return _DASHBOARD


def _quoted(text: str) -> str:
    plain = re.fullmatch(r"[\w./-]*[A-Za-z/][\w./-]*", text)
    return text if plain else json.dumps(text, ensure_ascii=False)  # JSON's strings are YAML's
