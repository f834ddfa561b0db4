"""What other tools call it: where a wish that they take under one key has its place here."""

from __future__ import annotations

_EPOCHS = "final trainings may end by confirm.patience; in a search, stage2.design asha continues only the best"
_BOUNDS = (
    "stage 1 tries levels: [...]; stage 2 searches from low to high, in steps of step; words are searched as listed"
)
_UNBALANCED = "set data.balance to natural, and name class_weights or balanced_sampling in the search space"
_PRUNING = "set stage2.design to asha, whose trainings pause and only the best continue (docs/pauses.md)"
_OBJECTIVES = "several objectives stand under objectives: [auc, loss] (docs/objectives.md)"
_STARTS = (
    "to search the start, leave this out, name warm_start in stage2.factors, and in the search space: warm_start: "
    "{reference: cold, levels: [cold, warm]}"
)
_SAMPLER = (
    "a study file cannot name a sampler of your own; allowed: asha, cmaes, freeze_thaw, gp, nsga2, qmc, random, tpe "
    "(see CONTRIBUTING.md for how hpo itself gets another)"
)
_LOSS = "cross_entropy, focal and poly are values of the factor loss, in the search space"
_HORIZON = "warm_up is a key of a strategy, in epochs, as in cosine: {over: 40, warm_up: 2}"

_KEYS = {
    "augmentation": "flips and turns are the factor augmentation of the search space; augment names your own function",
    "augmentations": "name them as factors of the search space (docs/factors.md); augment names your own function",
    "callbacks": "there are none; patience, averages of weights, schedules and limits have their own keys "
    "(docs/factors.md, docs/functions.md)",
    "choices": _BOUNDS,
    "class_weight": _UNBALANCED,
    "class_weights": _UNBALANCED,
    "classes": "the data has its own classes, which dataset.json beside it names (docs/classes.md)",
    "conditions": "a factor that depends on others says so itself: only_if: {optimizer: sgd}",
    "constraints": "limits of the study file bound parameters and megabytes; a factor may depend on others by only_if",
    "early_stopping": _EPOCHS,
    "enqueue": "a factor's prior is the value that stage 2 tries early; stage2.learn_from takes earlier studies",
    "loss_function": "loss: module:function names your own; the others are values of the factor loss",
    "max_trials": "stage2.trials, patch_visits or minutes say how much stage 2 may train",
    "max_parameters": "limits: {parameters: 500000} leaves larger networks out",
    "metric": "objective: {metric: auc} says it",
    "metrics": "objective: {metric: auc} says which one decides; reports show all of them",
    "multivariate": "Optuna's samplers run with its defaults; TPE is multivariate by default",
    "n_startup_trials": "Optuna's samplers run with its defaults",
    "n_trials": "stage2.trials says how many",
    "optimizer": "optimizer is a factor: name it in the search space",
    "patience": _EPOCHS,
    "pruner": _PRUNING,
    "pruning": _PRUNING,
    "sampler": "stage2.design says which sampler proposes",
    "startup_trials": "Optuna's samplers run with its defaults",
    "task": "studies classify images; other tasks are not supported",
    "time_budget": "stage2.minutes bounds the search of each architecture",
    "timeout": "stage2.minutes bounds the search of each architecture",
    "values": _BOUNDS,
    "warmup": _HORIZON,
    "warm_up": _HORIZON,
    "when": "a factor that depends on others says so by only_if: {optimizer: sgd}",
}
"""Of a key that is known elsewhere, not here: what to write instead."""

_FACTORS = {
    "activation_function": "activation",
    "augment": "augmentation",
    "batch": "batch_size",
    "decay": "weight_decay",
    "dense_units": "dense",
    "dropout_rate": "dropout",
    "gradient_clipping": "clip_norm",
    "hidden_units": "dense",
    "kernel_size": "kernel",
    "layers": "depth",
    "lr": "learning_rate",
    "n_filters": "filters",
    "n_layers": "depth",
    "num_filters": "filters",
    "num_layers": "depth",
    "schedule": "strategy",
    "scheduler": "strategy",
    "units": "dense",
}
"""Of a factor by another tool's name: its name here."""

_WORDS = {
    "hyperband": _PRUNING,
    "median": _PRUNING,
    "successive_halving": _PRUNING,
    "bohb": _PRUNING,
    "bayesian": "gp and tpe are Bayesian",
    "focal": _LOSS,
    "poly": _LOSS,
    "cross_entropy": _LOSS,
    "grid": "a grid is a design of stage 1",
    "pr_auc": "average_precision is the area under the precision-recall curve",
}
"""Of a word that stands for something: what to write instead."""


def key_elsewhere(key: str) -> str:
    """What to write instead of a key that is unknown here; empty if nothing is known of it."""
    return _KEYS.get(key.casefold(), "")


def word_elsewhere(key: str, found: object) -> str:
    """What to write instead of a value that is unknown here; empty if nothing is known of it.

    Args:
        key: whose value it is.
        found: the value.
    """
    if isinstance(found, list | tuple):
        return {"metric": _OBJECTIVES, "warm_start": _STARTS}.get(key, "")
    if not isinstance(found, str):
        return ""
    if ":" in found and key == "design":
        return _SAMPLER
    return _WORDS.get(found.casefold().replace("-", "_"), "")


def factor_elsewhere(name: str) -> str:
    """The name here of a factor that other tools call so; empty if nothing is known of it."""
    return _FACTORS.get(name.casefold(), "")
