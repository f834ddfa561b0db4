"""The paper's printed numbers, for a marked column: other data, other epochs, no intervals.

Source: Johny et al. 2021, Tables 3 and 4. Values in the order of `hpo.evaluation.metrics.METRICS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from hpo.evaluation.metrics import METRICS

Row = tuple[float, float, float, float, float]

TABLE_3: dict[str, tuple[Row, Row]] = {
    "model1": ((0.8245, 0.8090, 0.8210, 0.7847, 0.90), (0.8718, 0.8561, 0.8445, 0.8535, 0.94)),
    "model2": ((0.8230, 0.7865, 0.8155, 0.7995, 0.90), (0.8546, 0.8538, 0.8445, 0.8228, 0.92)),
    "model3": ((0.8324, 0.8119, 0.8089, 0.8156, 0.90), (0.8611, 0.8370, 0.8720, 0.8445, 0.92)),
    "model4": ((0.8330, 0.8000, 0.7995, 0.7992, 0.90), (0.8733, 0.8246, 0.8713, 0.8713, 0.94)),
}
"""Before and after tuning, by architecture."""

TABLE_4: dict[str, Row] = {
    "model1": (0.9286, 0.8789, 0.8557, 0.8543, 0.97),
    "model2": (0.9228, 0.8928, 0.8818, 0.8800, 0.96),
    "model3": (0.9247, 0.9224, 0.9213, 0.9212, 0.98),
    "model4": (0.9039, 0.8918, 0.8917, 0.8918, 0.96),
}
"""After tuning and 1000 epochs, by architecture."""


def printed_sides(metric: str, architectures: Iterable[str]) -> dict[str, dict[Literal["before", "after"], float]]:
    """A metric of Table 3 before and after tuning, for the architectures in the paper, in order."""
    column = METRICS.index(metric)
    return {
        name: {"before": TABLE_3[name][0][column], "after": TABLE_3[name][1][column]}
        for name in architectures
        if name in TABLE_3
    }
