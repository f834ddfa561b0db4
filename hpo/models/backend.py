"""TensorFlow and Keras, imported in the one way that works for us.

Every module of ours that needs them imports them from here, so that the environment is set before TensorFlow reads it.
Importing this module takes seconds (8 to 20 on a small machine).

A recipe's key names everything that its weights depend on. So whatever else could change them, a user's
``~/.keras/keras.json`` or a variable of the environment, is set here to what it always is.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from hpo.errors import TrainingError
from hpo.models.environment import pin, say_what_was_ignored

_LOADED = [name for name in ("tensorflow", "keras") if name in sys.modules]

_ignored = pin(os.environ)
if _ignored and _LOADED:
    raise TrainingError(
        f"{', '.join(_ignored)}: set when {_LOADED[0]} was imported, which may change what it computes; start Python "
        "without, or import hpo before it"
    )
say_what_was_ignored(_ignored)

# What is imported lives as long as the process: looking through it for garbage, while it grows and at each collection
# afterwards, would take a fourth of the import's time and find nothing.
_collects = gc.isenabled()
gc.disable()
try:
    import keras
    import tensorflow as tf
except (AttributeError, ImportError, OSError, TypeError, ValueError) as error:  # Keras' word for senseless settings
    _file = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "keras.json"
    if not _file.exists():
        raise
    raise TrainingError(f"{_file}: Keras cannot start with these settings: {error}; correct or remove it") from error
finally:
    if not _LOADED:  # else a notebook may hold models that it wants to be rid of one day
        gc.freeze()
    if _collects:
        gc.enable()

if keras.config.backend() != "tensorflow":
    raise TrainingError(
        f"Keras was imported with the backend {keras.config.backend()}, and models are trained with TensorFlow's; "
        "start Python anew, and import hpo before keras"
    )

# A long-lived trainer compiles the same function for many settings, which TensorFlow would report as "retracing".
tf.get_logger().setLevel("ERROR")


def pin_keras() -> None:
    """Set Keras' global settings to Keras' own defaults, whatever keras.json or a user's module says."""
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")


pin_keras()

__all__ = ["keras", "pin_keras", "tf"]
