"""The model card of an exported model: what it is, how it was made, what it can do, and what it is not for.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting" (its sections, as far as they apply).
"""

from __future__ import annotations

import numpy as np

from hpo.data.description import CLASSES
from hpo.export.card_results import calls_section, results_section
from hpo.export.card_training import compute_section, data_section, training_section
from hpo.export.markdown import plain, table
from hpo.export.subject import Subject, class_words
from hpo.recipe.architecture import CnnSpec, FunctionSpec
from hpo.recipe.as_built import as_built
from hpo.recipe.recipe import Recipe
from hpo.results.words import (
    DASH,
    count,
    listed,
    moment,
    plural,
    value_words,
)

_MEANT = "; in PatchCamelyon, tumour tissue in the patch's centre"


def model_card(subject: Subject) -> str:
    """The card as Markdown, with one heading of the first level and no paths."""
    sections = (
        _introduction(subject),
        _use(subject),
        results_section(subject),
        calls_section(subject),
        data_section(subject),
        training_section(subject),
        compute_section(subject),
        _limits(subject),
        _provenance(subject),
    )
    return "\n\n".join(block for section in sections for block in section) + "\n"


def _introduction(subject: Subject) -> list[str]:
    best = ""
    if subject.config.best == subject.name:
        by_rule = subject.results.settings.objectives is not None
        did, where = ("is the", "by its rule") if by_rule else ("did", "on validation")
        best = f" It {did} best of the study's architectures {where}."
    return [
        f"# {plain(subject.name)}, tuned by study {plain(subject.config.study)}",
        f"A Keras model that takes {_patches(subject)} and gives each one's {_given(subject)}. "
        f"{_architecture(subject)}, {count(subject.parameters)} trained parameters.{best}",
        "**For research only. It is no medical device, and nobody's care may depend on what it says.**",
    ]


def _patches(subject: Subject) -> str:
    kind = {1: "grey ", 3: "RGB "}.get(subject.channels, "")
    return f"{kind}patches of {subject.size} x {subject.size} pixels" + (
        "" if kind else f", {subject.channels} channels"
    )


def _given(subject: Subject) -> str:
    classes = subject.results.classes
    if len(classes) > 2:
        words = listed(f"{class_words(subject, label)} (label {label})" for label in range(len(classes)))
        return f"probability of each of {len(classes)} classes: {words}"
    return (
        f"probability of {class_words(subject, 1)} (label 1{_MEANT if classes == CLASSES else ''}), and not "
        f"{class_words(subject, 0)} (label 0)"
    )


def _idle(subject: Subject) -> set[str]:
    """Factors that do not apply to the model."""
    return {name for name in subject.results.settings.conditions if name not in subject.training.point}


def _architecture(subject: Subject) -> str:
    recipe, idle = subject.model.recipe, _idle(subject)
    spec = recipe.architecture
    if not isinstance(spec, CnnSpec):
        arguments = listed(f"{name} {value_words(value)}" for name, value in spec.arguments if name not in idle)
        given = f" with {plain(arguments)}" if arguments else ""
        return f"The network is made by the function {plain(spec.function)}{given}"
    spec = as_built(spec)
    any_pooled = spec.pool > 1 and any(one.pool for one in spec.convolutions)
    convolutions = ", ".join(
        f"{one.kernel} x {one.kernel} ({plural(one.filters, 'filter')}, stride {one.stride}"
        f"{', BatchNormalization' if recipe.batch_normalization or index in spec.batch_normalization else ''}"
        f"{'' if one.pool or not any_pooled else ', no pooling'})"
        for index, one in enumerate(spec.convolutions)
    )
    pooled = " and max-pooling" if any_pooled else ""
    residual = "; the input of each block after the first is added to its output" if spec.residual else ""
    global_pooling = "" if spec.pooling == "flatten" else f", the {_GLOBAL[spec.pooling]} of each channel"
    layers = "a dense layer" if len(spec.dense) == 1 else "dense layers"
    dense = f", {layers} of {listed(str(units) for units in spec.dense)} units" if spec.dense else ""
    dropped = f"; dropout of {spec.dropout:g} before each layer after the convolutions" if spec.dropout else ""
    is_cropped = spec.crop is not None and spec.crop < subject.size
    cropped = f"On the middle {spec.crop} x {spec.crop} pixels, convolutions" if is_cropped else "Convolutions"
    return (
        f"{cropped} of {convolutions}, each with {_ACTIVATIONS.get(spec.activation, spec.activation)}{pooled}"
        f"{global_pooling}{dense}, and {_outputs(recipe)}{residual}{dropped}"
    )


def _outputs(recipe: Recipe) -> str:
    return "one output" if recipe.form.outputs == 1 else f"{recipe.form.outputs} outputs"


_GLOBAL = {"average": "mean", "max": "maximum"}
_ACTIVATIONS = {
    "relu": "ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "leaky_relu": "leaky ReLU",
    "selu": "SELU",
    "silu": "SiLU",
}


def _use(subject: Subject) -> list[str]:
    spec = subject.model.recipe.architecture
    module, _, _ = spec.function.partition(":") if isinstance(spec, FunctionSpec) else ("", "", "")
    classes = f"import {module}    # for layers of its own\n"
    more = f", custom_objects=vars({module})" if module else ""
    code = (
        f"import keras\n{classes if module else ''}\n"
        f'model = keras.models.load_model("model.keras"{more})\n'
        f"probabilities = model.predict(patches){'[:, 0]' if _is_binary(subject) else ''}    "
        f"# patches: (N, {subject.size}, {subject.size}, {subject.channels}), 0 to 255"
        f"{'' if _is_binary(subject) else chr(10) + 'called = probabilities.argmax(axis=1)    # the labels above'}"
    )
    end = "sigmoid" if _is_binary(subject) else "softmax"
    needed = f"; the file of `{module}` is, where Python finds it, if that defines layers" if module else ""
    return [
        "## Use",
        f"```python\n{code}\n```",
        *(
            [
                "The model averages its probabilities over the eight flips and quarter turns of each patch, as in all "
                "figures below; nothing need be done for that."
            ]
            if subject.model.symmetries
            else []
        ),
        f"Patches are given as they are, uint8 or float: scaling and the final {end} are inside the model, and this "
        f"package is not needed{needed}. `model.h5` is the same model in Keras' older format. "
        "`hpo export --onnx` also writes `model.onnx`, for ONNX Runtime; it takes float32, as its input `patches`.",
    ]


def _scale(subject: Subject) -> str:
    resolution = subject.config.microns_per_pixel
    return "the training data's scale" if resolution is None else f"{resolution:g} µm per pixel"


def _limits(subject: Subject) -> list[str]:
    known = "two" if _is_binary(subject) else str(len(subject.results.classes))
    follows = "do precision and the best threshold" if _is_binary(subject) else "does precision"
    limits = [
        "Other stains, scanners, magnifications, laboratories and tissues than the training data's were not tested; "
        "expect it to do worse there.",
        f"It takes patches of exactly {subject.size} x {subject.size} pixels, at {_scale(subject)}.",
        f"It knows {known} labels. Blank glass, artefacts and diseases that it never saw get a probability all the "
        "same.",
        f"{_shares(subject)} Where that differs, so {follows}.",
        "The intervals speak of more data from the same source, not of other sources.",
    ]
    if subject.sides.sampling.unit == "patches":
        few = "The test split has fewer than three slides, or a class is on one only"
        reason = "Slides were unknown" if subject.results.test_slides is None else few
        limits.append(f"{reason}: patches of one slide resemble each other, so the intervals are narrow.")
    if subject.config.data.sample is not None:
        limits.insert(0, "It was trained on drawn patches: it says nothing about tissue.")
    return [
        "## Intended use and limits",
        "For research on hyper-parameter tuning and on patch classification, with data like that above.",
        "\n".join(f"- {limit}" for limit in limits),
    ]


def _is_binary(subject: Subject) -> bool:
    return len(subject.results.classes) == 2


def _shares(subject: Subject) -> str:
    labels, _ = subject.tested
    share = {label: f"{100 * float(np.mean(labels == label)):.0f}%" for label in range(len(subject.results.classes))}
    if _is_binary(subject):
        return f"{share[1]} of the test patches are {class_words(subject, 1)}."
    return (
        f"Of the test patches, {listed(f'{text} are {class_words(subject, label)}' for label, text in share.items())}."
    )


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
