"""A user's own loss: what it is given, and what is refused in one line."""

from __future__ import annotations

import hashlib
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.recipe.architecture import Argument, FunctionSpec
from hpo.recipe.fitting import Fitting
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.training.losses import losses_of
from hpo.training.own_loss import check_loss, own_loss
from hpo.training.runtime import configure
from tests.training.toy import OWN_LOSS, PLAIN, ToyDataset

HEAD = "import numpy as np\nimport tensorflow as tf\n\n\ndef loss(labels, logits, **options):\n    "
HINGE = "return tf.nn.relu(options['margin'] - (2 * labels - 1) * logits)"
ENTROPY = "return tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)"


def made(folder: Path, body: str, **arguments: Argument) -> FunctionSpec:
    name = f"own_{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    (folder / f"{name}.py").write_text(HEAD + body + "\n")
    digest = hashlib.sha256((HEAD + body + "\n").encode()).hexdigest()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return FunctionSpec(f"{name}:loss", digest, arguments=tuple(sorted(arguments.items())))


def test_it_gets_labels_logits_and_its_arguments_and_gives_the_loss_of_each_patch(tmp_path: Path) -> None:
    spec = made(tmp_path, HINGE, margin=2)
    check_loss(spec)
    labels, logits = tf.constant([0.0, 1.0]), tf.constant([1.5, 1.5])
    assert own_loss(spec, 2)(labels, logits).numpy() == pytest.approx([3.5, 0.5])


def test_smoothed_labels_and_class_weights_hold_for_it_too(tmp_path: Path) -> None:
    loss = own_loss(made(tmp_path, ENTROPY), 3)
    labels, logits, weights = tf.constant([0.0, 1.0, 1.0]), tf.constant([0.3, -1.0, 2.0]), tf.constant([0.5, 3.0])
    smoothed = Fitting(label_smoothing=0.2)
    expected = losses_of(labels, logits, smoothed, weights).numpy()
    assert losses_of(labels, logits, smoothed, weights, loss).numpy() == pytest.approx(expected)


def test_of_many_classes_it_gets_a_row_for_each_patch(tmp_path: Path) -> None:
    spec = made(tmp_path, "return tf.nn.softmax_cross_entropy_with_logits(labels, logits)")
    check_loss(spec, (3,))
    with pytest.raises(TrainingError, match=r"of labels \(8,\) it returned \(\)"):
        check_loss(spec)


def test_what_keeps_the_contract_passes() -> None:
    check_loss(OWN_LOSS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('no such\\nthing')", "ValueError: no such thing"),
        ("return None", "it returned NoneType; it must return a float32 tensor with the loss of each patch"),
        ("return tf.reduce_mean(logits)", r"of labels \(8,\) it returned \(\); .* tf.fill"),
        ("return tf.cast(logits, tf.float64)", "it returned float64"),
        ("return tf.square(labels)", "has no gradient by the logits"),
        ("return tf.math.log(logits - 100.0)", "are infinite or no numbers"),
        (
            "return logits * tf.random.uniform(tf.shape(logits))",
            "it uses .*, which is not the same each time",
        ),
        (
            "return logits * tf.random.truncated_normal(tf.shape(logits), seed=1)",
            "it uses TruncatedNormal, which is not the same each time",
        ),
        ("return tf.ensure_shape(tf.numpy_function(lambda x: x, [logits], tf.float32), logits.shape)", "PyFunc"),
        ("return logits + missing", "NameError: name 'missing' is not defined"),
    ],
)
def test_what_does_not_is_refused_in_one_line(tmp_path: Path, body: str, message: str) -> None:
    spec = made(tmp_path, body)
    with pytest.raises(TrainingError, match=message) as caught:
        check_loss(spec)
    assert str(caught.value).startswith(spec.function)
    assert "\n" not in str(caught.value)


def test_a_training_minimizes_it_and_shows_cross_entropy(tmp_path: Path) -> None:
    trainer = Trainer(CheckpointStore(Files(tmp_path / "store")), ToyDataset())
    same = replace(PLAIN, own_loss=made(tmp_path, ENTROPY))
    [own] = list(trainer.bring(same, {1}))
    [plain] = list(trainer.bring(PLAIN, {1}))
    assert own.metrics == pytest.approx(plain.metrics, abs=1e-5)
    other = replace(PLAIN, own_loss=made(tmp_path, HINGE, margin=1))
    list(trainer.bring(other, {1}))
    kernels = [trainer.arrays(recipe, 1)["conv1/kernel"] for recipe in (PLAIN, same, other)]
    assert np.allclose(kernels[0], kernels[1], atol=1e-5)
    assert not np.allclose(kernels[0], kernels[2], atol=1e-5)


def test_random_numbers_are_refused_by_their_name_in_a_process_that_trains(tmp_path: Path) -> None:
    configure()
    with pytest.raises(TrainingError, match=r"it uses (a random operation|Random\w+), which is not the same each time"):
        check_loss(made(tmp_path, "return logits + tf.random.normal(tf.shape(logits))"))


def test_the_example_of_the_docs_keeps_the_contract(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "functions.md").read_text(encoding="utf-8")
    code = page[page.index("    def tversky(") : page.index("\n\n- **It is minimized")]
    source = "import tensorflow as tf\n\n\n" + textwrap.dedent(code) + "\n"
    (tmp_path / "documented_loss.py").write_text(source)
    sys.path.insert(0, str(tmp_path))
    digest = hashlib.sha256(source.encode()).hexdigest()
    check_loss(FunctionSpec("documented_loss:tversky", digest, arguments=(("alpha", 0.8),)))
