"""Variables of the environment that change what TensorFlow computes, found without TensorFlow."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping, Sequence

_log = logging.getLogger("hpo")

_OF_TENSORFLOW = re.compile(r"(TF|TF2|XLA|KERAS|ONEDNN|DNNL)_|NVIDIA_TF32_OVERRIDE$")
"""Variables that TensorFlow, Keras and the libraries below them read: dozens, and each version adds some."""

_HARMLESS = re.compile(
    r"TF_CPP_|TF_DUMP_|TF_PROFILER_|TF_NUM_INT(RA|ER)OP_THREADS$|TF_CONFIG$"
    r"|TF_FORCE_GPU_ALLOW_GROWTH$|TF_GPU_(ALLOCATOR|HOST_MEM_|THREAD_)|TF_PER_DEVICE_MEMORY_LIMIT_MB$"
    r"|KERAS_HOME$|(ONEDNN|DNNL)_VERBOSE"
    # Terraform's, whose variables begin likewise
    r"|TF_(ACC|APPEND_|CLI_|CLOUD_|DATA_DIR|ENCRYPTION|IGNORE|INPUT|IN_AUTOMATION|LOG|PLUGIN_|REATTACH_|REGISTRY_"
    r"|SKIP_REMOTE_|STATE_|TOKEN_|VAR_|WORKSPACE)"
)
"""Those of them that say where, how loudly, how fast or in how much memory, not what is computed."""

_HARMLESS_FLAG = re.compile(r"--xla_(gpu_cuda_data_dir|dump_)")

_AS_ALWAYS = {
    "TF2_BEHAVIOR": "1",  # TensorFlow itself sets it
    "KERAS_BACKEND": "tensorflow",
    "TF_CUDNN_DETERMINISTIC": "1",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_USE_LEGACY_KERAS": "0",
}
"""Values that ask for what is done anyway: they stay."""


def pin(environment: MutableMapping[str, str]) -> list[str]:
    """Prepare the environment for TensorFlow: whatever changes what it computes is taken out.

    Args:
        environment: changed; before TensorFlow is imported.

    Returns:
        The names of what was taken out, sorted.
    """
    taken = []
    for name in sorted(environment):
        is_as_always = _AS_ALWAYS.get(name) == environment[name].strip().lower()
        if not _OF_TENSORFLOW.match(name) or _HARMLESS.match(name) or is_as_always:
            continue
        value = environment.pop(name)
        flags = value.split() if name == "XLA_FLAGS" else []
        if kept := [flag for flag in flags if _HARMLESS_FLAG.match(flag)]:
            environment[name] = " ".join(kept)
        if value and (not flags or len(kept) < len(flags)):
            taken.append(name)
    # Level 3 also hides "failed call to cuInit", which every machine without a GPU would print. Real errors are
    # exceptions.
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # GPUs are numbered as NVIDIA's driver does it, not by speed.
    environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    # A user's ~/.keras/keras.json may name another backend; checkpoints and compiled epochs are TensorFlow's.
    environment["KERAS_BACKEND"] = "tensorflow"
    return taken


def say_what_was_ignored(names: Sequence[str]) -> None:
    """Log the names of the variables that were taken out, in one line."""
    if names:
        _log.warning("ignored, so that equal recipes train to equal weights: %s", ", ".join(names))
