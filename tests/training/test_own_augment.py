"""A user's own augmentation: what it may do, and what is refused in one line."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.recipe.architecture import Argument, FunctionSpec
from hpo.training.own_augment import check_augmentation, own_augmentation
from tests.training.toy import OWN_AUGMENTATION

HEAD = "import numpy as np\nimport tensorflow as tf\n\n\ndef change(patches, seed, **options):\n    "


def made(folder: Path, body: str, **arguments: Argument) -> FunctionSpec:
    name = f"own_{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    (folder / f"{name}.py").write_text(HEAD + body + "\n")
    digest = hashlib.sha256((HEAD + body + "\n").encode()).hexdigest()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return FunctionSpec(f"{name}:change", digest, arguments=tuple(sorted(arguments.items())))


def test_it_gets_patches_of_bytes_a_seed_and_its_arguments_and_is_clipped(tmp_path: Path) -> None:
    spec = made(tmp_path, "return patches * options['times'] + tf.cast(seed[0], tf.float32)", times=2)
    patches = tf.constant(np.full((2, 8, 8, 3), 100), tf.float32)
    change = own_augmentation(spec, 8, 2)
    assert change(patches, tf.constant([7, 0])).numpy() == pytest.approx(207.0)
    assert change(patches, tf.constant([90, 0])).numpy() == pytest.approx(255.0)


def test_what_keeps_the_contract_passes() -> None:
    check_augmentation(OWN_AUGMENTATION, 16)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('no such\\nthing')", "ValueError: no such thing"),
        ("return None", "it returned NoneType; it must return float32 patches"),
        ("return np.zeros(patches.shape, np.float32)", "it returned ndarray; it must return"),
        ("return tf.cast(patches, tf.uint8)", "it returned uint8"),
        ("return patches[:, 1:]", r"of \(4, 16, 16, 3\) it returned \(4, 15, 16, 3\)"),
        ("return patches / 0.0 - patches / 0.0", "values that are infinite or no numbers"),
        ("return patches + tf.random.uniform(tf.shape(patches))", "it uses .*, which is no function of the"),
        ("return patches + tf.random.stateless_uniform(tf.shape(patches), (1, 2)) / tf.constant(0.0)", "infinite"),
        ("return tf.ensure_shape(tf.numpy_function(lambda x: x, [patches], tf.float32), patches.shape)", "PyFunc"),
        ("tf.debugging.assert_less(patches, 1.0); return tf.identity(patches)", "InvalidArgumentError"),
        ("return patches + missing", "NameError: name 'missing' is not defined"),
    ],
)
def test_what_does_not_is_refused_in_one_line(tmp_path: Path, body: str, message: str) -> None:
    spec = made(tmp_path, body)
    with pytest.raises(TrainingError, match=message) as caught:
        check_augmentation(spec, 16)
    assert str(caught.value).startswith(spec.function)
    assert "\n" not in str(caught.value)


def test_a_changed_source_is_not_run(tmp_path: Path) -> None:
    spec = made(tmp_path, "return patches")
    with pytest.raises(TrainingError, match="is not the one that this recipe was made with"):
        check_augmentation(replace(spec, source_digest="0" * 64), 16)


def test_a_generator_of_random_numbers_keeps_a_state_that_no_checkpoint_has(tmp_path: Path) -> None:
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    spec = made(tmp_path, "return patches + tf.random.get_global_generator().uniform(tf.shape(patches))")
    with pytest.raises(TrainingError, match="it uses RngReadAndSkip, which is no function of the seed"):
        own_augmentation(spec, 16, 4)
