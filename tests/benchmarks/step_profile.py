"""Where the time of a training step goes, by TensorFlow's own profiler.

    .venv/bin/python -m tests.benchmarks.step_profile [model1 model2 ...] [--batch 32] [--stain] [--threads 1]

Milliseconds a step, by what the operations are for, of our compiled epoch on random patches; of each operation the
fastest of the steps, because whatever else the machine does can only add. With one thread they add up to the step; with
more, operations that run beside each other are counted one by one.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from hpo.models.backend import tf
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.training.augment import draw_epoch
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.home import home_of
from hpo.training.network import Network
from hpo.training.runtime import configure

STEPS, SIZE = 32, 96

KINDS = {
    "conv1, weights' gradient": r"conv1_\d+/convolution/Conv2DBackpropFilter",
    "convolutions, weights' gradient": r"Conv2DBackpropFilter",
    "convolutions, input's gradient": r"Conv2DBackpropInput",
    "convolutions, forward": r"Conv2D$",
    "max-pooling and its gradient": r"MaxPool",
    "ReLU's gradient": r"ReluGrad",
    "dense layers": r"MatMul",
    "optimizer": r"/optimizer/|ResourceApply",
    "fetching patches": r"Gather",
    "stain": r"clamp_fusion",  # XLA's names for what it makes of several operations
    "flips and turns": r"fusion$",
    "cast, scaling, loss": r":(Cast|Mul|AddV2|Neg|_UnaryOpsComposition|Sub|Log|Exp)$",
}
"""The first pattern that an operation's ``name:type`` has in it says what it is for."""


def profile(name: str, batch: int, stain: float) -> Counter[str]:
    """Milliseconds a step by kind."""
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace  # after the backend, which quietens TensorFlow

    count = STEPS * batch
    recipe = Recipe("", count, ARCHITECTURES[name], batch, stain_jitter=stain)
    home = home_of(count * SIZE * SIZE * 3)
    function = EpochFunction(Network(recipe.architecture, SIZE, False), Settings.of(recipe), home)
    with tf.device(home):
        patches = tf.constant(np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8))
        labels = tf.constant((np.arange(count) % 2).astype(np.float32))
    arguments = patches, labels, draw_epoch(0, 1, count, batch, stain), np.full(STEPS, 1e-4, np.float32)
    for _ in range(2):
        function.train(*arguments)
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            function.train(*arguments)
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = XSpace.FromString(file.read_bytes())
    times: defaultdict[str, list[float]] = defaultdict(list)
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            times[plane.event_metadata[event.metadata_id].name].append(event.duration_ps / 1e9)
    found: Counter[str] = Counter()
    for operation, taken in times.items():
        if re.search(r"/.*:\w+$|fusion$", operation):
            kind = next((kind for kind, pattern in KINDS.items() if re.search(pattern, operation)), "the rest")
            found[kind] += min(taken) * len(taken) / STEPS
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["model1", "model2", "model3", "model4"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stain", action="store_true")
    options = parser.parse_args()
    configure(options.threads)
    found = {name: profile(name, options.batch, 0.2 if options.stain else 0.0) for name in options.names}
    print(f"batch {options.batch}, threads {options.threads}, ms a step".ljust(40), *(f"{name:>9}" for name in found))
    for kind in [*KINDS, "the rest"]:
        print(f"{kind:40}", *(f"{times[kind]:9.2f}" for times in found.values()))
    print(f"{'all':40}", *(f"{times.total():9.2f}" for times in found.values()))


if __name__ == "__main__":
    main()
