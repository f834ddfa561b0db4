"""TensorFlow and Keras, imported in the one way that works for us.

Every module of ours that needs them imports them from here, so that the environment is set before TensorFlow reads it.
Importing this module takes seconds (8 to 20 on a small machine).
"""

from __future__ import annotations

import os

# Level 3 also hides "failed call to cuInit", which every machine without a GPU would print. Real errors are exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# GPUs are numbered as NVIDIA's driver does it, not by speed.
os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
# A user's ~/.keras/keras.json may name another backend; checkpoints and compiled epochs are TensorFlow's.
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

# A long-lived trainer compiles the same function for many settings, which TensorFlow would report as "retracing".
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
