"""The model card of an exported model: what it is, how it was made, what it can do, and what it is not for.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting" (its sections, as far as they apply).
"""

from __future__ import annotations

import numpy as np

from hpo.data.description import CLASSES
from hpo.evaluation.calibration import calibrate
from hpo.evaluation.metrics import METRICS, THRESHOLD, binary_metrics
from hpo.evaluation.threshold import choose_threshold, confusion, share_called_rightly
from hpo.export.markdown import plain, table
from hpo.export.subject import Subject
from hpo.recipe.architecture import CnnSpec
from hpo.recipe.recipe import Recipe
from hpo.results.records import ComputeRole, DataDescription
from hpo.results.words import (
    DASH,
    METRIC_WORDS,
    capital,
    count,
    duration,
    interval,
    listed,
    moment,
    number,
    p_value,
    plural,
    point_words,
    resampled_words,
    signed,
    signed_interval,
    value_words,
)

_PARTS: dict[ComputeRole, str] = {
    "stage1": "Stage 1: explore",
    "stage2": "Stage 2: tune",
    "recheck": "Recheck of stage 2's best, donors included",
    "before": "Final trainings of the reference, by stage 1's rules",
    "equal": "Those that went on to equal training",
    "after": "Final trainings of the tuned configuration (after), donors included",
    "cold_control": "The tuned configuration from random weights (cold control)",
}


_MEANT = "; in PatchCamelyon, tumour tissue in the patch's centre"


def model_card(subject: Subject) -> str:
    """The card as Markdown, with one heading of the first level and no paths."""
    sections = (
        _introduction(subject),
        _use(subject),
        _results(subject),
        _calls(subject),
        _data(subject),
        _training(subject),
        _compute(subject),
        _limits(subject),
        _provenance(subject),
    )
    return "\n\n".join(block for section in sections for block in section) + "\n"


def _introduction(subject: Subject) -> list[str]:
    best = " It did best of the study's architectures on validation." if subject.config.best == subject.name else ""
    return [
        f"# {plain(subject.name)}, tuned by study {plain(subject.config.study)}",
        f"A Keras model that takes RGB patches of {subject.size} x {subject.size} pixels and gives each one's "
        f"probability of {_class(subject, 1)} (label 1{_MEANT if subject.results.classes == CLASSES else ''}), and not "
        f"{_class(subject, 0)} (label 0). "
        f"{_architecture(subject.model.recipe)}, {count(subject.parameters)} trained parameters.{best}",
        "**For research only. It is no medical device, and nobody's care may depend on what it says.**",
    ]


def _class(subject: Subject, label: int) -> str:
    return plain(subject.results.classes[label])


def _architecture(recipe: Recipe) -> str:
    spec = recipe.architecture
    if not isinstance(spec, CnnSpec):
        return f"The network is made by the function {plain(spec.function)}"
    convolutions = ", ".join(
        f"{one.kernel} x {one.kernel} ({plural(one.filters, 'filter')}, stride {one.stride}"
        f"{', BatchNormalization' if recipe.batch_normalization or index in spec.batch_normalization else ''})"
        for index, one in enumerate(spec.convolutions)
    )
    layers = "a dense layer" if len(spec.dense) == 1 else "dense layers"
    dense = f", {layers} of {listed(str(units) for units in spec.dense)} units" if spec.dense else ""
    return f"Convolutions of {convolutions}, each with ReLU and max-pooling{dense}, and one output"


def _use(subject: Subject) -> list[str]:
    code = (
        "import keras\n\n"
        'model = keras.models.load_model("model.keras")\n'
        f"probabilities = model.predict(patches)[:, 0]    # patches: (N, {subject.size}, {subject.size}, 3), 0 to 255"
    )
    return [
        "## Use",
        f"```python\n{code}\n```",
        "Patches are given as they are, uint8 or float: scaling and the final sigmoid are inside the model, and this "
        "package is not needed. `model.h5` is the same model in Keras' older format. "
        "`hpo export --onnx` also writes `model.onnx`, for ONNX Runtime; it takes float32, as its input `patches`.",
    ]


def _results(subject: Subject) -> list[str]:
    comparison, sides = subject.comparison, subject.sides
    labels, probabilities = subject.tested
    own = binary_metrics(labels, probabilities)
    rows = []
    for name in METRICS:
        metric = comparison.metrics[name]
        cells = [
            f"{number(metric.before.value)} ({interval(metric.before)})",
            f"{number(metric.after.value)} ({interval(metric.after)})",
            f"{signed(metric.difference.value)} ({signed_interval(metric.difference)})",
            number(own[name]),
        ]
        rows.append([capital(METRIC_WORDS[name]), *cells])
    sampling = sides.sampling
    adjusted = {name: f", adjusted by Holm over the architectures {_p(p)}" for name, p in sides.adjusted_p.items()}
    blocks = [
        "## Results on the test split",
        f"Before is the search space's reference point, {_trained(subject)}; after is the tuned configuration. "
        f"Means of {plural(sampling.seeds, 'seed')} with 95% intervals (bootstrap over {resampled_words(sampling)}). "
        "This file has the weights of the seed that did best on validation. Patches above probability "
        f"{THRESHOLD} are called {_class(subject, 1)}.",
        table(["", "Before", "After", "Difference", "These weights"], rows),
        f"DeLong's test of the AUC's difference: {_p(comparison.auc_test.p_value)}{adjusted.get('auc', '')}. "
        f"McNemar's of the accuracy's: {_p(comparison.accuracy_test.p_value)}{adjusted.get('accuracy', '')}.",
    ]
    blocks += _beside(subject)
    cold = sides.pairs.get(("before", "cold_control"))
    if cold is not None:
        difference = cold.metrics["auc"].difference
        blocks.append(
            "From random weights, the tuned settings alone change the AUC by "
            f"{signed(difference.value)} ({signed_interval(difference)})."
        )
    return blocks


def _trained(subject: Subject) -> str:
    """How the baseline was trained."""
    if subject.sides.baseline == "equal":
        return "trained for as many patch-visits as the tuned model and its donors"
    return "trained by stage 1's rules, for less than the tuned model and its donors together"


def _beside(subject: Subject) -> list[str]:
    """The reference by stage 1's rules, where the headline has the one that was trained as long."""
    longer = subject.sides.pairs.get(("before", "equal"))
    if longer is None:
        return []
    found = longer.metrics["auc"]
    return [
        f"By stage 1's rules, the reference has an AUC of {number(found.before.value)} ({interval(found.before)}); "
        f"more training alone changes it by {signed(found.difference.value)} ({signed_interval(found.difference)})."
    ]


def _calls(subject: Subject) -> list[str]:
    """Thresholds and calibration of the exported weights."""
    labels, probabilities = subject.tested
    thresholds = {"as above": THRESHOLD}
    valid_labels, valid = subject.results.valid_labels, subject.training.valid_probabilities
    if valid_labels is not None and valid is not None:
        thresholds["chosen on validation (Youden's index)"] = choose_threshold(valid_labels, valid)
    rows = []
    for words, threshold in thresholds.items():
        calls = confusion(labels, probabilities, threshold)
        rates = (share_called_rightly(calls.tp, calls.fn), share_called_rightly(calls.tn, calls.fp))
        rows.append([f"{number(threshold)}, {words}", *map(number, rates), *(count(patches) for patches in calls)])
    calibration = calibrate(labels, probabilities[None, :])
    return [
        "## Thresholds and calibration of these weights",
        table(["Threshold", "Sensitivity", "Specificity", "TP", "FP", "TN", "FN"], rows),
        f"Sensitivity is the share of {_class(subject, 1)} patches that are called so (recall), specificity that of "
        f"{_class(subject, 0)} patches; TP and TN are the numbers of patches called rightly, FP and FN wrongly, as "
        f"{_class(subject, 1)} and as {_class(subject, 0)}.",
        f"Brier score {number(calibration.brier)} (0.250 for a constant 0.5), NLL {number(calibration.nll)} (0.693 for "
        f"a constant 0.5), expected calibration error {number(calibration.ece)}, on the test split.",
    ]


def _data(subject: Subject) -> list[str]:
    data = subject.results.data
    if data is None:
        return ["## Data", f"Training and validation digest: `{subject.config.data_digest}`"]
    sample = subject.config.data.sample
    if sample is None:
        source = (
            f"Source: {plain(data.name)}, as its user named it. Licence: not recorded by hpo, so name it where you "
            "pass the model on; PatchCamelyon's is CC0."
        )
    else:
        source = f"Source: drawn by a program (`hpo data sample`, seed {sample.seed}), no tissue and no patients."
    return [
        "## Data",
        source,
        _splits(data, _class(subject, 1)),
        f"Digest of training and validation patches: `{data.digest}`",
        f"Digest of test patches: `{data.test_digest}`",
    ]


def _splits(data: DataDescription, positive: str) -> str:
    rows = [
        [
            capital(name),
            count(split.patches),
            count(split.positive),
            DASH if split.slides is None else count(split.slides),
        ]
        for name, split in data.splits.items()
    ]
    return table(["Split", "Patches", capital(positive), "Slides"], rows)


def _training(subject: Subject) -> list[str]:
    model, recipe = subject.model, subject.model.recipe
    settings = {
        "Epochs": value_words(model.epochs),
        "Training patches": value_words(recipe.patches),
        **({"Their classes": "at the training split's own ratio"} if recipe.balance == "natural" else {}),
        "Batch size": value_words(recipe.batch_size),
        "Learning rate": f"{recipe.learning_rate:.6g}",
        "Learning-rate strategy": value_words(recipe.strategy.name),
        **{f"Its {name}": f"{value:.6g}" for name, value in recipe.strategy.parameters().items()},
        "Optimizer": value_words(recipe.optimizer),
        **({"Momentum": f"{recipe.momentum:.6g}"} if recipe.optimizer == "sgd" else {}),
        "Weight decay": f"{recipe.weight_decay:.6g}",
        "Flips and quarter turns": value_words(recipe.augmentation),
        "Stain jitter": f"{recipe.stain_jitter:.6g}",
        "Computed in": recipe.arithmetic.compute_dtype,
        "Compiled by XLA": value_words(recipe.arithmetic.jit_compile),
        "Seed": str(recipe.seed),
    }
    start = recipe.initial
    if start is None:
        origin = "Training began at random weights."
    else:
        origin = (
            f"Training began at the weights of a donor (`{start.mode}`), the recipe `{start.donor.key}` after "
            f"{plural(start.epoch, 'epoch')}: the donor is stage 1's best, trained again with this seed."
        )
    return [
        "## Training",
        "Stage 1 explored each factor's range from random weights, stage 2 tuned inside the ranges; both saw training "
        "and validation patches only. Then reference and tuned configuration were trained with the same seeds, and the "
        "test split was opened.",
        table(["Setting", "Value"], [[plain(name), plain(value)] for name, value in settings.items()]),
        origin,
        f"The reference (before) is {plain(point_words(subject.results.settings.reference, ('epochs',)))}, trained for "
        f"{plural(_baseline_epochs(subject), 'epoch')}.",
    ]


def _baseline_epochs(subject: Subject) -> int:
    return subject.results.finals(subject.name, subject.sides.baseline)[0].epochs


def _compute(subject: Subject) -> list[str]:
    rows = [
        [
            _PARTS[entry.role],
            count(entry.spent.epochs),
            count(entry.spent.patch_visits),
            duration(entry.spent.seconds),
        ]
        for entry in subject.results.compute
        if entry.architecture == subject.name
    ]
    return [
        "## Compute",
        "What this architecture took; an epoch that several parts share counts in the first of them.",
        table(["Part", "Epochs", "Patches seen", "Training time"], rows),
    ]


def _limits(subject: Subject) -> list[str]:
    labels, _ = subject.tested
    share = f"{100 * float(np.mean(labels)):.0f}%"
    limits = [
        "Other stains, scanners, magnifications, laboratories and tissues than the training data's were not tested; "
        "expect it to do worse there.",
        f"It takes patches of exactly {subject.size} x {subject.size} pixels, at the training data's scale.",
        "It knows two labels. Blank glass, artefacts and diseases that it never saw get a probability all the same.",
        f"{share} of the test patches are {_class(subject, 1)}. Where that differs, so do precision and the best "
        "threshold.",
        "The intervals speak of more data from the same source, not of other sources.",
    ]
    if subject.sides.sampling.unit == "patches":
        limits.append("Slides were not known: patches of one slide resemble each other, so the intervals are narrow.")
    if subject.config.data.sample is not None:
        limits.insert(0, "It was trained on drawn patches: it says nothing about tissue.")
    return [
        "## Intended use and limits",
        "For research on hyper-parameter tuning and on patch classification, with data like that above.",
        "\n".join(f"- {limit}" for limit in limits),
    ]


def _provenance(subject: Subject) -> list[str]:
    openings = [one.opened_at for one in subject.results.test_openings if one.architecture == subject.name]
    model, config = subject.model, subject.config
    facts = {
        "Study": plain(config.study),
        "Recipe key": f"`{model.recipe_key}`",
        "SHA-256 of the weights": f"`{model.weights_sha256}`",
        "Test split opened": plain(", ".join(moment(at) for at in openings)) or DASH,
        "CPU threads": DASH if config.threads is None else str(config.threads),
        **{plain(name): plain(version) for name, version in config.versions.items()},
    }
    return [
        "## Provenance",
        table(["", ""], [list(fact) for fact in facts.items()], numeric_from=2),
        "`hpo run best_config.yaml` trains it again from that file alone and compares the weights.",
    ]


def _p(value: float) -> str:
    words = p_value(value)
    return f"p {words}" if words.startswith("<") else f"p = {words}"
