from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hpo.config.architectures import (
    CnnSettings,
    FunctionSettings,
    architecture_name,
    specification,
    unfitting_cnn,
)
from hpo.config.function_source import find_module
from hpo.recipe.architecture import (
    ARCHITECTURES,
    CNN_FACTORS,
    CnnSpec,
    Convolution,
    FunctionSpec,
    architecture_from_json,
    architecture_to_json,
)
from hpo.recipe.geometry import trainable_parameters

PAGE = Path(__file__).parents[2] / "docs" / "cnns.md"


def test_a_known_name_is_the_known_architecture(tmp_path: Path) -> None:
    for name, spec in ARCHITECTURES.items():
        assert specification(name, tmp_path) == spec


def test_a_described_cnn_becomes_its_specification(tmp_path: Path) -> None:
    settings = CnnSettings.model_validate(
        {
            "name": "tiny",
            "convolutions": [{"kernel": 5, "filters": 8, "stride": 2}, {"kernel": 3, "filters": 16}],
            "dense": [32],
            "padding": "valid",
            "pool": 3,
            "pool_stride": 1,
            "batch_normalization": [1],
        }
    )

    assert specification(settings, tmp_path) == CnnSpec(
        convolutions=(Convolution(5, 8, 2), Convolution(3, 16, 1)),
        dense=(32,),
        padding="valid",
        pool=3,
        pool_stride=1,
        batch_normalization=(1,),
    )
    assert architecture_name(settings) == "tiny"


def function(of: str) -> FunctionSettings:
    return FunctionSettings(name="mine", function=of)


def test_a_function_is_found_beside_the_study_without_being_imported(tmp_path: Path) -> None:
    source = 'raise RuntimeError("imported")\ndef build(shape): ...\n'
    (tmp_path / "nets.py").write_text(source)

    spec = specification(function("nets:build"), tmp_path)

    assert spec == FunctionSpec("nets:build", hashlib.sha256(source.encode()).hexdigest())
    assert "nets" not in sys.modules


def test_a_function_in_a_package_is_found_without_importing_the_package(tmp_path: Path) -> None:
    package = tmp_path / "zoo" / "small"
    package.mkdir(parents=True)
    (tmp_path / "zoo" / "__init__.py").write_text('raise RuntimeError("imported")\n')
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text("import operator as build\n")

    assert isinstance(specification(function("zoo.small.nets:build"), tmp_path), FunctionSpec)
    assert "zoo" not in sys.modules


def test_a_changed_function_is_a_changed_specification(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("build = 1\n")
    first = specification(function("nets:build"), tmp_path)
    (tmp_path / "nets.py").write_text("build = 2\n")

    assert specification(function("nets:build"), tmp_path) != first


@pytest.mark.parametrize(
    ("source", "of", "error"),
    [
        ("", "absent_module:build", "no Python file of module 'absent_module' in "),
        ("", "nets.below:build", "no Python file of module 'nets.below' in "),
        ("", "math:sqrt", "no Python file of module 'math' in "),
        ("def built(): ...\n", "nets:build", "defines no 'build'; did you mean 'built'?"),
        ("def build(:\n", "nets:build", "is not Python: "),
    ],
)
def test_a_function_that_is_not_there_is_refused(tmp_path: Path, source: str, of: str, error: str) -> None:
    (tmp_path / "nets.py").write_text(source)

    with pytest.raises(ValueError, match=error):
        specification(function(of), tmp_path)


def test_with_padding_same_no_layer_vanishes() -> None:
    assert unfitting_cnn(CnnSpec((Convolution(9, 1, 9),) * 5, ()), 8) is None


def test_with_padding_valid_the_first_window_that_does_not_fit_is_named() -> None:
    two = CnnSpec((Convolution(3, 8, 2), Convolution(5, 8)), (), padding="valid")

    assert unfitting_cnn(two, 25) is None  # 25 -> 12 -> 6 -> 2 -> 1
    assert unfitting_cnn(two, 21) == "convolution 1: pooling of 2 pixels on an input of 1 (padding: valid)"
    assert unfitting_cnn(two, 17) == "convolution 1: kernel of 5 pixels on an input of 4 (padding: valid)"
    assert unfitting_cnn(replace(two, crop=17), 96) == unfitting_cnn(two, 17)
    assert unfitting_cnn(replace(two, depth=1), 17) is None


def test_a_crop_fits_into_the_patch_and_a_residual_block_needs_padding() -> None:
    one = CnnSpec((Convolution(3, 8),), ())

    assert unfitting_cnn(replace(one, crop=24), 24) is None
    assert unfitting_cnn(replace(one, crop=25), 24) == (
        "a crop of 25 pixels is larger than the patches, 24 (data.patch_size)"
    )
    assert unfitting_cnn(replace(one, residual=True, padding="valid"), 24) == (
        "residual needs padding: same, with which a block's input and output fit; found padding: valid"
    )


def test_the_pages_network_is_what_it_says(tmp_path: Path) -> None:
    """5x5 by 2, 3x3, pool, twice 3x3, pool, twice 3x3, each normalized; the mean of each channel, dropout, a logit."""
    text = PAGE.read_text(encoding="utf-8")
    (example,) = yaml.safe_load(re.findall(r"(?:^    .*\n)+", text, flags=re.MULTILINE)[0])["architectures"]
    spec = specification(CnnSettings.model_validate(example), tmp_path)

    assert isinstance(spec, CnnSpec)
    assert spec == CnnSpec(
        (
            Convolution(5, 24, 2, pool=False),
            Convolution(3, 24),
            Convolution(3, 48, pool=False),
            Convolution(3, 48),
            Convolution(3, 96, pool=False),
            Convolution(3, 96, pool=False),
        ),
        (),
        batch_normalization=(0, 1, 2, 3, 4, 5),
        dropout=0.2,
        pooling="average",
        crop=64,
        bn_momentum=0.95,
    )
    assert f"{trainable_parameters(spec, 96):,} trained parameters" in text
    assert architecture_from_json(architecture_to_json(spec)) == spec


def test_the_page_has_every_key_and_factor_of_a_cnn() -> None:
    rows = re.findall(r"^\| (`.*?) \|(.*?)\|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    keys = {key for row, _ in rows for key in re.findall("`(.*?)`", row)}
    assert keys == {*CnnSettings.model_fields, *CNN_FACTORS} - {"name"}
    factors = {key for row, factor in rows if "yes" in factor for key in re.findall("`(.*?)`", row)}
    assert factors == {*CNN_FACTORS} - {"pool"}


def test_a_module_below_folders_without_init_is_found_without_importing_them(tmp_path: Path) -> None:
    (tmp_path / "lab" / "nets").mkdir(parents=True)
    source = tmp_path / "lab" / "nets" / "small.py"
    source.write_text("def build(shape): ...\n", encoding="utf-8")
    found = find_module("lab.nets.small", tmp_path)
    assert found is not None
    assert (found.name, found.origin) == ("lab.nets.small", str(source))
    assert "lab" not in sys.modules
    assert find_module("lab.nets.missing", tmp_path) is None


def test_the_contents_of_the_files_that_a_function_reads_are_part_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("def build(shape): ...\n")
    (tmp_path / "weights.bin").write_bytes(b"one")
    settings = FunctionSettings(name="mine", function="nets:build", files=("weights.bin",))
    first = specification(settings, tmp_path)
    assert isinstance(first, FunctionSpec)
    assert first.files == (("weights.bin", hashlib.sha256(b"one").hexdigest()),)
    assert architecture_from_json(architecture_to_json(first)) == first
    without = specification(function("nets:build"), tmp_path)
    assert "files" not in architecture_to_json(without)
    (tmp_path / "weights.bin").write_bytes(b"three")
    assert specification(settings, tmp_path) != first
    with pytest.raises(ValueError, match=r"gone\.bin: "):
        specification(FunctionSettings(name="mine", function="nets:build", files=("gone.bin",)), tmp_path)
