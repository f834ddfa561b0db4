"""What sets a design point apart, in a few words, for logs, progress and `hpo show`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.recipe.folds import FOLD_ROLES
from hpo.storage.claims import Claim
from hpo.storage.decided import Plan, Stage1Plan, Stage2Plan


def point_words(label: Mapping[str, Any], point: Mapping[str, Any] | None, usual: Mapping[str, Any]) -> str:
    """A point's label, or its values where they differ from what is usual in its stage.

    Args:
        label: of a repetition: its role, and the seed.
        point: factor values; None where none are chosen yet.
        usual: the values that need no words.
    """
    if "fold" in label:
        return f"fold {label['fold'] + 1}, {FOLD_ROLES[label['role']]}, seed {label['seed']}"
    if "role" in label:
        return f"{label['role']}, seed {label['seed']}" if "seed" in label else str(label["role"])
    if point is None:
        return "not chosen yet"
    values = {name: value for name, value in point.items() if usual.get(name) != value}
    shown = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
    return shown or "reference"


def claim_words(claim: Claim) -> str:
    """The same of a claimed point."""
    return point_words(claim.planned.label, claim.planned.point, usual_values(claim.plan))


def usual_values(plan: Plan) -> Mapping[str, Any]:
    """The values that a stage's points differ from."""
    if isinstance(plan, Stage1Plan):
        return plan.reference
    return plan.fixed if isinstance(plan, Stage2Plan) else {}
