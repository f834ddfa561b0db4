"""Losses inside the graph: of each patch, from what it is and the logits that the network gives it.

Patches of two classes have one logit, that of label 1; patches of ``K`` classes have ``K``. A target is a probability,
not a label: smoothed and mixed labels are targets like any other.
"""

from __future__ import annotations

from hpo.models.backend import tf
from hpo.recipe.fitting import Fitting
from hpo.training.own_loss import OwnLoss


def losses_of(
    targets: tf.Tensor,
    logits: tf.Tensor,
    fitting: Fitting,
    class_weights: tf.Tensor | None = None,
    own: OwnLoss | None = None,
) -> tf.Tensor:
    """The loss of each patch, times the weight of its class.

    Args:
        targets: float32 ``(B,)``, the probability of label 1; or ``(B, K)``, of each class, adding up to 1.
        logits: float32 of the same shape.
        fitting: names the loss, its parameters and the label smoothing.
        class_weights: float32 ``(K,)``; None is 1 of each. A mixed target's weight is mixed alike.
        own: the user's own loss, in place of the one that ``fitting`` names.

    Returns:
        float32 ``(B,)``; a batch's loss is their mean.
    """
    losses = _unweighted(targets, logits, fitting, own)
    return losses if class_weights is None else losses * _weights(targets, class_weights)


def _unweighted(targets: tf.Tensor, logits: tf.Tensor, fitting: Fitting, own: OwnLoss | None) -> tf.Tensor:
    if fitting.label_smoothing:
        targets = smoothed(targets, fitting.label_smoothing)
    if own is not None:
        return own(targets, logits)
    if fitting.loss == "focal":
        return focal(targets, logits, fitting.focal_gamma)
    if fitting.loss == "poly":
        return poly(targets, logits, fitting.poly_epsilon)
    return cross_entropy(targets, logits)


def smoothed(targets: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Targets of which a share is spread evenly over all classes: ``(1 - smoothing) * targets + smoothing / K``.

    Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.
    """
    return (1.0 - smoothing) * targets + smoothing / _classes(targets)


def cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """``-sum_k targets_k * log p_k``, float32 ``(B,)``."""
    if logits.shape.rank == 1:
        return tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def focal(targets: tf.Tensor, logits: tf.Tensor, gamma: float) -> tf.Tensor:
    """``-sum_k targets_k * (1 - p_k) ** gamma * log p_k``, float32 ``(B,)``; cross-entropy for ``gamma`` 0.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", Eq. 4, over all classes.
    """
    targets, log_p = _by_class(targets, logits)
    # 1 - p from log p: exact where p is close to 1, and with a gradient where gamma is below 1.
    easy = tf.exp(gamma * tf.math.log(tf.maximum(-tf.math.expm1(log_p), _TINY)))
    return -tf.reduce_sum(targets * easy * log_p, axis=1)


def poly(targets: tf.Tensor, logits: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Cross-entropy ``+ epsilon * (1 - sum_k targets_k * p_k)``, float32 ``(B,)``: Poly-1.

    Source: Leng et al. 2022, "PolyLoss", Eq. 7.
    """
    by_class, log_p = _by_class(targets, logits)
    return cross_entropy(targets, logits) + epsilon * (1.0 - tf.reduce_sum(by_class * tf.exp(log_p), axis=1))


_TINY = 1e-30
"""Below any difference that float32 can have from 1, and above what it cannot hold."""


def _weights(targets: tf.Tensor, class_weights: tf.Tensor) -> tf.Tensor:
    if targets.shape.rank == 1:
        return (1.0 - targets) * class_weights[0] + targets * class_weights[1]
    return tf.linalg.matvec(targets, class_weights)


def _classes(targets: tf.Tensor) -> int:
    return 2 if targets.shape.rank == 1 else int(targets.shape[1])


def _by_class(targets: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Targets and logarithms of probabilities of each class, both ``(B, K)``."""
    if logits.shape.rank == 1:
        log_p = tf.stack([tf.math.log_sigmoid(-logits), tf.math.log_sigmoid(logits)], axis=1)
        return tf.stack([1.0 - targets, targets], axis=1), log_p
    return targets, tf.nn.log_softmax(logits)
