"""Factors of a user's own: numbers of described CNNs, arguments of functions, and which architecture has which."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo.config.as_planned import as_planned, find_study
from hpo.config.load import load_study
from hpo.config.own_factors import absent_factors
from hpo.config.study import StudyFile
from hpo.recipe.architecture import CNN_FACTORS, CnnSpec, FunctionSpec, own_factors
from hpo.stages.plan import determining_settings, stage1_points
from tests.config.samples import DASHBOARD, SPACE, STUDY, Change, changed, refusal

MODULE = """\
raise RuntimeError("imported")
from elsewhere import built
def resnet(shape, width=32, *, depth=2, activation="relu"): ...
def needy(shape, width): ...
def anything(shape, **options): ...
def penalized(shape, l2=0.0): ...
def build(hp): ...
def bare(): ...
def loose(*given, width=3): ...
def still(patches): ...
"""
WIDTH = "  width: {reference: 32, levels: [16, 32, 64], scale: log}\n"
MINE = "architectures: [model2, {name: mine, function: 'nets:resnet'}]"
LIST = "architectures: [model2, model3]"
FACTORS = "factors: [epochs, batch_size, patches, learning_rate, strategy]"


def write(folder: Path, *changes: Change, space: str = WIDTH, dashboard: str = DASHBOARD) -> Path:
    """A study with a function of the user's own, and a search space with what it adds."""
    (folder / "nets.py").write_text(MODULE)
    (folder / "space.yaml").write_text(SPACE + space)
    (folder / "dashboard.yaml").write_text(dashboard)
    file = folder / "study.yaml"
    file.write_text(changed(STUDY, *changes))
    return file


def load(folder: Path, *changes: Change, space: str = WIDTH) -> StudyFile:
    return load_study(write(folder, *changes, space=space))


def test_an_argument_is_a_factor_of_the_functions_that_have_it_and_of_no_other(tmp_path: Path) -> None:
    study = load(tmp_path, (LIST, MINE), (FACTORS, "factors: [width, epochs]"))
    assert [own_factors(spec) for spec in study.architecture_specs.values()] == [
        tuple(CNN_FACTORS),
        ("width",),
    ]
    assert [point.get("width") for point in stage1_points(study, "mine")] == [32, 16, 64, 32, 32]
    assert [point["epochs"] for point in stage1_points(study, "model2")] == [2, 1, 4]
    assert all("width" not in point for point in stage1_points(study, "model2"))
    assert absent_factors(study) == ["width is a factor of mine, not of model2"]


def test_numbers_of_a_cnn_are_factors_of_every_cnn(tmp_path: Path) -> None:
    space = "  dropout: {reference: 0, levels: [0, 0.25]}\n  filters: {reference: 30, levels: [15, 30]}\n"
    study = load(tmp_path, (FACTORS, "factors: [dropout, filters]"), space=space)
    assert [(point["dropout"], point["filters"]) for point in stage1_points(study, "model3")] == [
        (0, 30),
        (0.25, 30),
        (0, 15),
    ]
    assert study.architecture_specs == load(tmp_path, space="").architecture_specs  # the reference is as written


DESCRIBED = (
    LIST,
    "architectures: [model2, {name: mine, function: 'nets:anything', arguments: {pool: 1}}]",
)


@pytest.mark.parametrize(
    ("factor", "error"),
    [
        (
            "activation: {reference: relu, levels: [relu, glue]}",
            """activation.levels.1: found "glue"; did you mean 'gelu'? (allowed: elu, gelu, leaky_relu, relu, """
            "selu, silu, swish, tanh)",
        ),
        (
            "pooling: {reference: avg}",
            """pooling.reference: found "avg"; did you mean 'average'? (allowed: average, flatten, max)""",
        ),
        ("depth: {reference: 2, levels: [1, 2, 2.5]}", "depth.levels.2: must be a whole number; found 2.5"),
        ("depth: {reference: 1, low: 0, high: 4}", "depth.low: must be at least 1; found 0.0"),
        ("depth: {reference: 2, levels: [2, 4], step: 0.5}", "depth.step: must be a whole number; found 0.5"),
        ("residual: {reference: 1}", "residual.reference: must be true or false; found 1"),
        ("bn_momentum: {reference: 1}", "bn_momentum.reference: must be at least 0 and less than 1; found 1"),
        ("kernel: {reference: small}", 'kernel.reference: must be a whole number; found "small"'),
    ],
)
def test_a_value_that_a_described_cnn_cannot_take_is_refused(tmp_path: Path, factor: str, error: str) -> None:
    assert refusal(load_study, write(tmp_path, DESCRIBED, space=f"  {factor}\n")) == [f"8 factors.{error}"]


def test_a_function_may_take_other_values_by_the_name_of_a_cnns_factor(tmp_path: Path) -> None:
    alone = (LIST, "architectures: [{name: mine, function: 'nets:anything', arguments: {pooling: avg, crop: 0.5}}]")
    space = "  pooling: {reference: avg, levels: [avg, none]}\n  crop: {reference: 0.5, low: 0.25, high: 1}\n"
    assert load(tmp_path, alone, space=space).space.reference["crop"] == 0.5


@pytest.mark.parametrize(
    ("factor", "error"),
    [
        (
            "crop: {reference: 8, levels: [8, 99]}",
            "model2 with crop 99 of the search space: a crop of 99 pixels is larger than the patches, 96 "
            "(data.patch_size)",
        ),
        (
            "depth: {reference: 3, levels: [2, 3, 9]}",
            "strict with depth 9 of the search space: convolution 5: kernel of 3 pixels on an input of 1 "
            "(padding: valid)",
        ),
        (
            "residual: {reference: false, levels: [false, true]}",
            "strict with residual True of the search space: residual needs padding: same, with which a block's input "
            "and output fit; found padding: valid",
        ),
        (
            "pool: {reference: 2, low: 1, high: 3}",
            "model2 with pool 3 of the search space: pooling windows of 3 pixels at steps of 2 overlap or leave gaps, "
            "which XLA cannot train reproducibly; make the two equal, or set arithmetic.jit_compile to false",
        ),
    ],
)
def test_a_cnn_that_cannot_be_built_at_an_end_of_a_factor_is_refused(tmp_path: Path, factor: str, error: str) -> None:
    strict = "{name: strict, padding: valid, convolutions: [{kernel: 3, filters: 4}]}"
    compiled = "search_space: space.yaml\narithmetic: {jit_compile: true}"
    change = [(LIST, f"architectures: [model2, {strict}]"), ("search_space: space.yaml", compiled)]
    assert error in "".join(refusal(load_study, write(tmp_path, *change, space=f"  {factor}\n")))


def test_the_reference_is_part_of_the_architecture(tmp_path: Path) -> None:
    space = f"{WIDTH}  dropout: {{reference: 0.2}}\n  dense: {{reference: 50}}\n"
    arguments = "architectures: [model2, {name: mine, function: 'nets:resnet', arguments: {depth: 3}}]"
    specs = load(tmp_path, (LIST, arguments), space=space).architecture_specs
    cnn, own = specs["model2"], specs["mine"]
    assert isinstance(cnn, CnnSpec)
    assert isinstance(own, FunctionSpec)
    assert (cnn.dropout, cnn.first_dense, cnn.first_filters) == (0.2, 50, None)
    assert own.arguments == (("depth", 3), ("width", 32))


def test_a_study_is_looked_at_without_its_module(tmp_path: Path) -> None:
    space = f"{WIDTH}  filters: {{reference: 8, levels: [8, 16]}}\n  rate: {{reference: 1.0, levels: [1.0, 2.0]}}\n"
    arguments = "architectures: [model2, {name: mine, function: 'nets:anything', arguments: {rate: 3, width: 1}}]"
    file = write(tmp_path, (LIST, arguments), space=space)
    study = load_study(file)
    recorded = determining_settings(study, "digest")
    (tmp_path / "nets.py").unlink()
    planned = as_planned(find_study(file), recorded)
    assert planned.architecture_specs == study.architecture_specs
    assert determining_settings(planned, "digest") == recorded
    for name in study.architecture_specs:
        assert stage1_points(planned, name) == stage1_points(study, name)


@pytest.mark.parametrize(
    ("space", "value", "kind"),
    [
        ("x: {reference: 2, levels: [1, 2]}", 2, int),
        ("x: {reference: 2, levels: [1, 2.5, 2]}", None, None),
        ("x: {reference: 2, levels: [1, 2, 2.5]}", 2.0, float),
        ("x: {reference: 2, low: 1, high: 3.5}", 2.0, float),
        ("x: {reference: gelu, levels: [relu, gelu]}", "gelu", str),
        ("x: {reference: false, levels: [false, true]}", False, bool),
    ],
)
def test_the_type_of_an_argument_shows_in_its_values(tmp_path: Path, space: str, value: object, kind: object) -> None:
    take = (LIST, "architectures: [{name: mine, function: 'nets:anything', arguments: {x: 1}}]")
    if kind is None:
        assert refusal(load_study, write(tmp_path, take, space=f"  {space}\n")) == [
            "8 factors.x.levels.2: levels go up: 2 after 2.5"
        ]
        return
    found = load(tmp_path, take, space=f"  {space}\n").space.reference["x"]
    assert found == value
    assert type(found) is kind


@pytest.mark.parametrize(
    ("architectures", "error"),
    [
        (
            "{name: mine, function: 'nets:resnet', arguments: {widht: 3}}",
            "6 architectures.0.arguments.widht: nets:resnet has no argument 'widht'; did you mean 'width'? "
            "(allowed: activation, depth, width)",
        ),
        (
            "{name: mine, function: 'nets:needy'}",
            "6 architectures.0: nets:needy needs width: give a value in arguments, or make it a factor",
        ),
        (
            "{name: mine, function: 'nets:build'}",
            "6 architectures.0.function: nets:build takes hp; it is given the shape, and what is to be tuned as "
            "keyword arguments",
        ),
        (
            "{name: mine, function: 'nets:bare'}",
            "6 architectures.0.function: nets:bare takes no argument; it is given the shape, and what is to be tuned "
            "as keyword arguments",
        ),
        (
            "{name: mine, function: 'nets:loose'}\naugment: 'nets:still'",
            "7 augment: nets:still takes patches; it is given two arguments (docs/functions.md), and what is to be "
            "tuned as keyword arguments",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path: Path, architectures: str, error: str) -> None:
    first, *others = architectures.split("\n")
    listed = "\n".join([f"architectures: [{first}]", *others])
    assert refusal(load_study, write(tmp_path, (LIST, listed), space="")) == [error]


def test_an_argument_by_the_name_of_a_newer_factor_of_the_training_is_not_taken_for_it(tmp_path: Path) -> None:
    space = "  l2: {reference: 0, levels: [0, 0.001]}\n"
    mine = "architectures: [model2, {name: mine, function: 'nets:penalized'}]"
    [error] = refusal(load_study, write(tmp_path, (LIST, mine), space=space))
    assert error.endswith("nets:penalized has an argument 'l2', which is a factor of the training too; rename it there")
    assert own_factors(load(tmp_path, (LIST, mine), space="").architecture_specs["mine"]) == ()


def test_what_a_function_takes_is_believed_where_its_source_does_not_show_it(tmp_path: Path) -> None:
    for function in ("built", "anything"):
        named = f"architectures: [{{name: mine, function: 'nets:{function}', arguments: {{width: 3}}}}]"
        study = load(tmp_path, (LIST, named))
        assert own_factors(study.architecture_specs["mine"]) == ("width",)
        unnamed = (LIST, f"architectures: [{{name: mine, function: 'nets:{function}'}}]")
        (error,) = refusal(load_study, write(tmp_path, unnamed))
        assert error.startswith("8 factors.width: 'width' is not a factor: neither of the training nor of mine; ")


def test_a_factor_that_nobody_has_gets_the_nearest_spelling(tmp_path: Path) -> None:
    (error,) = refusal(load_study, write(tmp_path, (LIST, MINE), space="  widht: {reference: 32}\n"))
    start = (
        "8 factors.widht: 'widht' is not a factor: neither of the training nor of model2, mine; did you mean 'width'? "
    )
    assert error.startswith(start)
    assert {"learning_rate", "filters"} <= {*re.split(r"\W+", error.removeprefix(start))}


def test_a_dashboard_may_show_own_factors_and_no_misspelt_one(tmp_path: Path) -> None:
    shown = "panels: [{{panel: factor_effect, factor: {}}}]\n"
    load_study(write(tmp_path, (LIST, MINE), dashboard=shown.format("width")))
    (error,) = refusal(load_study, write(tmp_path, (LIST, MINE), dashboard=shown.format("widht")))
    assert error.startswith("1 panels.0.factor: 'widht' is not a factor; did you mean 'width'? ")


def test_weights_of_another_shape_are_not_warm_started_from(tmp_path: Path) -> None:
    tuned = "stage2:\n  epochs: 3\n  factors: [learning_rate, dropout, width]"
    space = f"{WIDTH}  dropout: {{reference: 0, levels: [0, 0.5]}}\n"
    assert refusal(load_study, write(tmp_path, (LIST, MINE), ("stage2:\n  epochs: 3", tuned), space=space)) == [
        "11 stage2.factors.2: width may change the shapes of weights, and warm_start: warm takes them from one "
        "training of stage 1, whose shape would have a head start; set stage2.warm_start to cold, or "
        "stage2.other_shapes to fresh, or tune it in stage 1 alone"
    ]
    for way in ("warm_start: cold", "other_shapes: fresh"):
        load(tmp_path, (LIST, MINE), ("stage2:\n  epochs: 3", f"{tuned}\n  {way}"), space=space)
    both = f"{tuned}\n  warm_start: cold\n  other_shapes: fresh"
    assert refusal(load_study, write(tmp_path, (LIST, MINE), ("stage2:\n  epochs: 3", both), space=space)) == [
        "13 stage2.other_shapes: is only used with a warm start; warm_start is cold"
    ]


def test_a_cnns_activation_may_be_tuned_with_any_start_and_a_functions_may_have_weights(tmp_path: Path) -> None:
    tuned = ("stage2:\n  epochs: 3", "stage2:\n  epochs: 3\n  factors: [activation]")
    space = "  activation: {reference: relu, levels: [relu, gelu]}\n"
    load(tmp_path, tuned, space=space)
    (error,) = refusal(load_study, write(tmp_path, (LIST, MINE), tuned, space=space))
    assert error.startswith("11 stage2.factors.0: activation may change the shapes of weights")


def test_an_architecture_without_anything_to_tune_is_refused(tmp_path: Path) -> None:
    tuned = "stage2:\n  epochs: 3\n  factors: [width]\n  warm_start: cold"
    assert refusal(load_study, write(tmp_path, (LIST, MINE), ("stage2:\n  epochs: 3", tuned))) == [
        "11 stage2.factors: model2 has none of them; add a factor that it has, or leave model2 out of architectures"
    ]
