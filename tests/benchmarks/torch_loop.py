"""PyTorch's plain training loop on one of our networks; run by `training_throughput` in an environment of its own.

    python torch_loop.py '{"convolutions": [[9, 30, 3], ...], "dense": [200, 200], "batch": 32, ...}'

Float32 patches, scaled and resident, shuffled each epoch, not augmented; SGD with momentum. Both memory layouts are
tried first. Writes the faster one's name, then trains an epoch for each line that it reads and writes its seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional


def network(convolutions: list[list[int]], dense: list[int], size: int) -> nn.Sequential:
    """The layers that `hpo.models.build` makes, with TensorFlow's 'same' padding."""

    def strided(length: int, stride: int) -> int:
        return (length + stride - 1) // stride

    layers: list[nn.Module] = []
    channels = 3
    for kernel, filters, stride in convolutions:
        excess = max((strided(size, stride) - 1) * stride + kernel - size, 0)
        padding = excess // 2
        if excess % 2:  # one more row and column below and right than above and left, which nn.Conv2d cannot
            layers.append(nn.ZeroPad2d((padding, padding + 1, padding, padding + 1)))
            padding = 0
        layers += [nn.Conv2d(channels, filters, kernel, stride, padding), nn.ReLU(), nn.MaxPool2d(2, 2, ceil_mode=True)]
        channels, size = filters, strided(strided(size, stride), 2)
    layers.append(nn.Flatten())
    inputs = channels * size * size
    for units in dense:
        layers += [nn.Linear(inputs, units), nn.ReLU()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, 1))


def trainer(task: dict[str, Any], layout: torch.memory_format) -> Callable[[], float]:
    """A function that trains an epoch and returns its seconds."""
    clock = time.process_time if task["clock"] == "cpu" else time.perf_counter
    count, size, batch = task["patches"], task["size"], task["batch"]
    model = network(task["convolutions"], task["dense"], size).to(memory_format=layout)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if parameters != task["parameters"]:
        raise SystemExit(f"the network has {parameters} parameters, ours {task['parameters']}")
    optimizer = torch.optim.SGD(model.parameters(), task["learning_rate"], momentum=0.9)
    patches = (2 * torch.rand(count, 3, size, size) - 1).to(memory_format=layout)
    labels = torch.randint(0, 2, (count,)).float()

    def epoch() -> float:
        began = clock()
        order = torch.randperm(count)
        for first in range(0, count - batch + 1, batch):
            rows = order[first : first + batch]
            loss = functional.binary_cross_entropy_with_logits(model(patches[rows])[:, 0], labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return clock() - began

    return epoch


def main() -> None:
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    tried = {}
    for name, layout in (("channels_last", torch.channels_last), ("default", torch.contiguous_format)):
        epoch = trainer(task, layout)
        epoch()
        tried[name] = (min(epoch(), epoch()), epoch)
    name = min(tried, key=lambda name: tried[name][0])
    print(name, flush=True)
    for _ in sys.stdin:
        print(tried[name][1](), flush=True)


if __name__ == "__main__":
    main()
