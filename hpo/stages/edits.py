"""The effect of an edited study file on finished work: accepted, decided anew, or another study."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

from hpo.config.study import StudyFile
from hpo.recipe.augmentations import NO_AUGMENTATIONS
from hpo.recipe.fitting import AS_BEFORE
from hpo.recipe.key import canonical, canonical_json
from hpo.recipe.recipe import EVERY_LAYER_TRAINED, Recipe
from hpo.recipe.schedule import HORIZONS, Strategy

Kind = Literal["taken", "anew", "other"]
"""``taken`` leaves finished work as it is; ``anew`` decides closed stages again; ``other`` is another study."""

Opened = Collection[tuple[str, str]]
"""The stages that have been opened, each as (stage, architecture)."""

BUDGETS = ("trials", "patch_visits", "minutes")


@dataclass(frozen=True)
class Change:
    """A change of a study file.

    Args:
        path: the setting's, as the database records it.
        key: dotted, as in the file; for the search space, its file's name comes first.
        was: the value that the study was planned with; None if it was not set.
        now: the value in the file.
        kind: its effect on finished work.
        effect: the same in words.
    """

    path: tuple[str, ...]
    key: str
    was: Any
    now: Any
    kind: Kind
    effect: str

    def __str__(self) -> str:
        return f"{self.key}: {said(self.was)} -> {said(self.now)}"


def compare_plans(
    study: StudyFile, recorded: Mapping[str, Any], given: Mapping[str, Any], opened: Opened
) -> list[Change]:
    """Every change between two plans of a study, in the order of the file.

    Args:
        study: the current file.
        recorded: the settings that the study was planned with, as `hpo.stages.plan.determining_settings` writes it.
        given: the same for the file.
        opened: how far the study has come.
    """
    changes = []
    for path in _changed_paths(recorded, given, ()):
        if not _is_implied(study, path):
            was, now = _at(recorded, path), _at(given, path)
            kind, effect = _meaning(path, was, now, opened)
            changes.append(Change(path, _key(study, path), was, now, kind, effect))
    order = {kind: number for number, kind in enumerate(("other", "anew", "taken"))}
    return sorted(changes, key=lambda change: order[change.kind])


def _changed_paths(was: Any, now: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths at which two plans differ; an architecture or factor that one of them lacks is one change."""
    if was == now:
        return
    is_whole = (len(path) == 2 and path[0] == "architectures") or path in (("augment",), ("loss",))
    if isinstance(was, Mapping) and isinstance(now, Mapping) and not is_whole:
        for name in dict.fromkeys([*now, *was]):
            yield from _changed_paths(was.get(name), now.get(name), (*path, name))
    else:
        yield path


def _at(settings: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        settings = settings.get(name) if isinstance(settings, Mapping) else None
    return settings


def _is_implied(study: StudyFile, path: tuple[str, ...]) -> bool:
    """Whether a bound follows from levels that have changed too."""
    if len(path) != 4 or path[:2] != ("search_space", "factors") or path[3] not in ("low", "high"):
        return False
    factor = study.space.factors.get(path[2])
    return factor is not None and path[3] not in factor.model_fields_set


def _key(study: StudyFile, path: tuple[str, ...]) -> str:
    if path[0] == "search_space":
        return f"{study.search_space.name}: {'.'.join(path[1:])}"
    if path == ("data",):
        return f"the patches of {study.data.folder}"
    if path in (("valid_patches",), ("balance",)):
        return f"data.{path[0]}"
    return ".".join(path)


def _meaning(path: tuple[str, ...], was: Any, now: Any, opened: Opened) -> tuple[Kind, str]:
    section = path[0]
    if section == "architectures":
        return _architecture(path[1], was, now)
    if section == "search_space":
        return _search_space(path, was, now)
    if section == "stage1":
        return _stage1(path[1], was, now)
    if section == "stage2":
        return _stage2(path[1], was, now, opened)
    if section == "confirm":
        return _confirm(path[1], was, now, opened)
    if section == "objective":
        return "anew", _metric_source(was, now) + _JUDGED_AGAIN
    if section == "objectives":
        if not any(stage == "stage2" for stage, _ in opened):
            return "taken", "no stage 2 has been opened"
        return "other", "stage 2 has searched for other objectives"
    if section == "choose":
        if not any(stage == "stage2" for stage, _ in opened):
            return "taken", "no stage 2 has been opened"
        return "anew", "a network is chosen again from the front"
    if section == "limits":
        return "anew", "points over a limit are no longer counted, and the ranges are decided again"
    if section == "data":
        return "other", "other patches are another study"
    return "other", "it is part of every training"


_JUDGED_AGAIN = "every stage is judged again by what was trained; the points of stage 2 stay as they are"


def _metric_source(was: Any, now: Any) -> str:
    """Where two metrics are one function of the user's own, whose source differs: that it does; else nothing."""
    (function, _, before), (other, _, after) = str(was).partition("#"), str(now).partition("#")
    if function != other or before == after:
        return ""
    return f"the source of module {function.partition(':')[0]} has changed since: "


def _architecture(name: str, was: Any, now: Any) -> tuple[Kind, str]:
    if was is None:
        return "taken", f"{name} passes through all stages"
    if now is None:
        return "anew", f"what {name} gave stays in the database, and leaves report and comparison"
    if "function" in was and was.get("function") == now.get("function"):
        module = now["function"].partition(":")[0]
        changed = [file for file in now.get("files", ()) if file not in was.get("files", ())]
        if was.get("source_digest") == now.get("source_digest"):
            names = ", ".join(name for name, _ in changed) or "the list of its files"
            return "other", f"{names} has changed since; list the function under another name to add it"
        return "other", f"the source of module {module} has changed since; list it under another name to add it"
    return "other", f"{name} is another network; list it under another name to add it"


def _search_space(path: tuple[str, ...], was: Any, now: Any) -> tuple[Kind, str]:
    if path[1] != "factors":
        if path[1] == "strategies" and path[2] in HORIZONS and len(path) == 3 and was is None:
            return "taken", "no training so far had this strategy"
        return "other", "it is part of every training"
    if len(path) == 3:
        return _factor(path[2], was, now)
    if path[3] == "reference":
        return "other", "every training of stage 1 and the comparison's 'before' rest on it"
    if path[3] == "only_if":
        return "other", "it decides which values a training has, and what tells trainings apart"
    if path[3] == "levels":
        return _members(was, now, "stage 1 trains the new levels and decides the ranges again")
    return "anew", "the ranges are decided again; a stage 2 that has been opened keeps its own"


def _factor(name: str, was: Any, now: Any) -> tuple[Kind, str]:
    if was is None and now["reference"] == default_of(name, now["reference"]):
        return "taken", "its reference is what every training so far had"
    if was is None:
        return "other", f"every training so far had {name} {said(default_of(name))}"
    return "other", "trainings so far are told apart by it; keep it, and leave it out of the stages' factors"


def _stage1(name: str, was: Any, now: Any) -> tuple[Kind, str]:
    if name == "seed":
        return "other", "it is part of every training of stage 1"
    if name == "factors":
        return _members(was, now, "stage 1 trains the new factors' levels and decides the ranges again")
    if name == "design":
        return "anew", "stage 1 trains what the design adds; points that it lacks are no longer counted"
    return "anew", "the ranges are decided again; a stage 2 that has been opened keeps its own"


def _members(was: Any, now: Any, added: str) -> tuple[Kind, str]:
    if set(map(canonical_json, was or ())) <= set(map(canonical_json, now or ())):
        return "taken", added
    return "anew", "what was trained of those left out stays in the database and is no longer counted"


def _stage2(name: str, was: Any, now: Any, opened: Opened) -> tuple[Kind, str]:
    has_opened = sorted(architecture for stage, architecture in opened if stage == "stage2")
    if not has_opened:
        return "taken", "no stage 2 has been opened"
    if name in BUDGETS:
        if isinstance(was, int | float) and isinstance(now, int | float) and now < was:
            return "anew", "what was trained counts; nothing beyond the new budget is begun"
        return "taken", "stage 2 continues where it ended"
    if name == "stop":
        return "taken", "stage 2 goes on, or ends, by it from now on"
    if name == "learn_from":
        return (
            "taken",
            f"it is for stages 2 that open from now on; that of {', '.join(has_opened)} keeps its first points",
        )
    if name == "recheck":
        if not any(stage == "confirm" for stage, _ in opened):
            return "taken", "no final training has begun"
        return "anew", "the choice is made again"
    return "other", f"stage 2 of {', '.join(has_opened)} has been opened with it"


def _confirm(name: str, was: Any, now: Any, opened: Opened) -> tuple[Kind, str]:
    if not any(stage == "confirm" for stage, _ in opened):
        return "taken", "no final training has begun"
    if name == "seeds":
        return _members(was, now, "final trainings with the new seeds are added; the test split is opened for them")
    if name == "symmetries":
        return "anew", "no training changes; the test split is opened again, for predictions that are made this way"
    if name == "patience":
        return "anew", "the final trainings end and are judged by it; the comparison is made again"
    if now is True:
        return "taken", "its trainings are added; the test split is opened for them"
    return "anew", "the comparison is made again"


def default_of(factor: str, reference: Any = None) -> Any:
    """The value of a factor that no search space names; None if it has none or it is unknown.

    Args:
        factor: by name.
        reference: in a search space that names the factor now; if it means the same, the value is written like it.
    """
    if factor == "frozen_layers" and reference in EVERY_LAYER_TRAINED:
        return reference
    if factor == "warm_start":
        return "cold"  # of stage 1, whose trainings alone get the values of factors that are added
    if factor == "strategy":
        return Strategy().name
    if factor == "dropout":
        return 0
    defaults = {field.name: field.default for field in fields(Recipe) if field.default is not MISSING}
    defaults |= asdict(AS_BEFORE) | asdict(NO_AUGMENTATIONS)
    return canonical(defaults[factor]) if factor in defaults else None


def said(value: Any) -> str:
    """A value as written in a study file."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(said, value))}]"
    if isinstance(value, Mapping):
        if "source_digest" in value:
            files = "".join(f", {name} {digest[:8]}" for name, digest in value.get("files", ()))
            return f"{value['function']} ({value['source_digest'][:8]}{files})"
        return f"{{{', '.join(f'{name}: {said(item)}' for name, item in value.items() if item is not None)}}}"
    text = str(value)
    return f"{text[:8]}..." if len(text) == 64 else text
