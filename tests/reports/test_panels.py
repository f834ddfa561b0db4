"""What each panel reads from the results, and what it says when that is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import get_args

import plotly.graph_objects as go
import pytest

from hpo.config.dashboard import PanelName, PanelSettings
from hpo.config.panels import needed_options, panel_names, panel_options
from hpo.config.versions import versions as current
from hpo.evaluation.metrics import METRICS
from hpo.recipe.arithmetic import Arithmetic
from hpo.reports import panels
from hpo.reports.html import table
from hpo.reports.panel import Drawing, NotThereError, Panel, panel_named
from hpo.reports.panels import (
    before_after,
    best_table,
    cold_control,
    comparison_table,
    compute,
    data,
    donors,
    factor_effect,
    failures,
    history,
    plan_history,
    ranges,
    roc,
    schedules,
    strategy_curves,
    test_openings,
    two_stages,
    versions,
)
from hpo.reports.plot.axes import whole_ticks
from hpo.reports.plot.looks import NEUTRAL, Looks
from hpo.reports.table import Table
from hpo.results.cost import ComputeEntry
from hpo.results.paper import TABLE_3, TABLE_4
from hpo.results.settings import FactorSettings
from hpo.results.study import StudyResults
from hpo.results.trainings import Role, TrialResult
from hpo.storage.ledger import Compute
from hpo.storage.plans import AcceptedPlan, PlanChange
from tests.reports.looks import LOOKS
from tests.results.invented import folded, searched_in_folds, several, stages_changed

Expected = Callable[[str, Role, str], float]


PANELS = sorted({*get_args(PanelName)} - {"function"})
"""All but a user's own, which has its own tests."""


def _options(panel: PanelName, **more: object) -> PanelSettings:
    if panel == "factor_effect":
        more = {"factor": "batch_size", **more}
    return PanelSettings.model_validate({"panel": panel, **more})


def shown(drawing: Drawing) -> str:
    """A table or HTML as the page has it."""
    assert not isinstance(drawing, go.Figure)
    return table(drawing) if isinstance(drawing, Table) else drawing


class TestEveryPanel:
    def test_every_file_is_a_panel_that_a_dashboard_can_name(self) -> None:
        folder = Path(panels.__file__).parent
        assert (
            {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(panel_names()) == set(get_args(PanelName))
        )
        assert all(isinstance(panel_named(name), Panel) for name in panel_names())

    def test_its_options_are_read_from_its_file_without_running_it(self) -> None:
        for name in panel_names():
            module = import_module(f"hpo.reports.panels.{name}")
            assert panel_options(name) == getattr(module, "OPTIONS", ()), name
            assert needed_options(name) == getattr(module, "NEEDS", ()), name
            assert set(needed_options(name)) <= set(panel_options(name)) <= set(PanelSettings.model_fields), name
        code = "import sys, hpo.config.dashboard; print('plotly' in sys.modules)"
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert shown.strip() == "False"

    @pytest.mark.parametrize("name", PANELS)
    def test_it_draws_a_finished_study_and_explains_what_it_draws(
        self, finished: StudyResults, name: PanelName
    ) -> None:
        panel, options = panel_named(name), _options(name)
        if name in ("front", "front_table", "hypervolume"):
            finished = several(finished, "parameters")
        if name == "folds":
            finished = folded(finished)
        if name == "search_folds":
            finished = searched_in_folds(finished)
        read = panel.read(finished, options)
        drawing = panel.draw(read, LOOKS)
        assert isinstance(drawing, go.Figure | Table) or drawing.startswith("<div")
        for sentence in (panel.finding(read), panel.explain(read)):
            assert sentence[0].isupper() or sentence[0].isdigit() or sentence.startswith("model")
            assert sentence.endswith(".")
        assert panel.heading(finished, options)[0].isupper()

    @pytest.mark.parametrize("name", sorted({*PANELS} - {"two_stages", "schedules"}))
    def test_it_says_what_is_missing_from_a_study_that_has_not_begun(
        self, empty: StudyResults, name: PanelName
    ) -> None:
        with pytest.raises(NotThereError, match=r"^[A-Z].*\.$"):
            panel_named(name).read(empty, _options(name))

    def test_an_architecture_has_one_colour_in_every_figure(self, finished: StudyResults) -> None:
        colours = {name: LOOKS.colour(name) for name in finished.settings.architectures}
        assert len(set(colours.values())) == 4
        effect = factor_effect.draw(factor_effect.read(finished, _options("factor_effect")), LOOKS)
        assert {trace.name: trace.line.color for trace in effect.data} == colours
        search = history.draw(history.read(finished, _options("history")), LOOKS)
        assert {trace.name: trace.marker.color for trace in search.data if trace.mode == "markers"} == colours
        curves = roc.draw(roc.read(finished, _options("roc")), LOOKS)
        lines = {
            trace.line.color for trace in curves.data if (trace.name or "").startswith("model") and trace.line.color
        }
        assert lines == set(colours.values())
        bars = before_after.draw(before_after.read(finished, _options("before_after")), LOOKS)
        assert dict(zip(bars.data[0].x, bars.data[0].marker.line.color, strict=True)) == colours

    def test_ten_architectures_are_told_apart_by_colour_and_symbol(self) -> None:
        names = tuple(f"m{number}" for number in range(10))
        looks = Looks(names)
        assert len({(looks.colour(name), looks.symbol(name)) for name in names}) == 10

    def test_an_architecture_that_the_study_file_does_not_name_is_grey(self) -> None:
        assert (LOOKS.colour("gone"), LOOKS.symbol("gone")) == (NEUTRAL, "circle")

    @pytest.mark.parametrize(("last", "step"), [(3, 1), (10, 1), (14, 2), (40, 5), (1000, 100), (30_000, 30_000)])
    def test_epochs_and_trials_are_counted_in_whole_numbers(self, last: int, step: int) -> None:
        assert whole_ticks(last)["dtick"] == step


class TestFactorEffect:
    def test_it_takes_the_trials_along_the_axis(self, finished: StudyResults) -> None:
        read = factor_effect.read(finished, _options("factor_effect", metric="accuracy"))
        assert [line.architecture for line in read.lines] == list(finished.settings.architectures)
        line = read.lines[1]
        assert line.levels == [16, 32, 64, 128]
        trial = next(
            trial
            for trial in finished.trials
            if trial.architecture == "model2" and trial.stage == "stage1" and trial.point["batch_size"] == 64
        )
        assert line.values[2] == trial.metrics["valid_accuracy"]
        assert line.half_widths is None  # the standard error is that of the objective, AUC
        assert (read.reference, read.log) == (32, True)

    def test_intervals_are_those_of_the_objective(self, finished: StudyResults) -> None:
        read = factor_effect.read(finished, _options("factor_effect", metric="auc"))
        assert read.lines[0].half_widths == pytest.approx([1.96 * 0.006] * 4)
        assert "95% intervals" in factor_effect.explain(read)

    def test_words_have_a_category_axis_in_their_order(self, finished: StudyResults) -> None:
        read = factor_effect.read(finished, _options("factor_effect", factor="strategy"))
        figure = factor_effect.draw(read, LOOKS)
        assert figure.layout.xaxis.type == "category"
        assert set(figure.data[0].x) == {"constant", "time based", "step", "exponential"}

    def test_a_grid_is_averaged_over_the_other_factors(self, finished: StudyResults) -> None:
        template = finished.trials[0]
        grid = tuple(
            replace(
                template,
                number=number,
                point={**template.point, "batch_size": batch, "learning_rate": rate},
                metrics={"valid_auc": value},
            )
            for number, (batch, rate, value) in enumerate([(16, 0.01, 0.8), (16, 0.1, 0.6), (32, 0.01, 0.9)])
        )
        study = replace(finished, trials=grid, settings=stages_changed(finished.settings, stage1={"design": "grid"}))
        read = factor_effect.read(study, _options("factor_effect"))
        (line,) = read.lines
        assert (line.levels, line.values) == ([16, 32], pytest.approx([0.7, 0.9]))
        assert "averaged" in factor_effect.explain(read)

    def test_it_finds_the_best_level_and_what_it_gains_over_the_reference(self, finished: StudyResults) -> None:
        read = factor_effect.read(finished, _options("factor_effect", metric="auc"))
        lines = [line._replace(architecture=name) for line, name in zip(read.lines, "abc", strict=False)]
        lines = [
            line._replace(levels=[16, 32], values=values)
            for line, values in zip(lines, ([0.9, 0.8], [0.7, 0.75], [0.85, 0.8]), strict=True)
        ]
        said = factor_effect.finding(read._replace(lines=lines))
        assert said == "Best batch size: 16 for a and c and 32 for b; at most 0.100 better than at the reference."
        at_reference = [line._replace(values=[0.7, 0.8]) for line in lines]
        said = factor_effect.finding(read._replace(lines=at_reference))
        assert said == "Best batch size: 32 for a, b and c, which is the reference."
        tied = [line._replace(values=[0.8, 0.8]) for line in lines]  # stage 1 begins at the reference
        assert factor_effect.finding(read._replace(lines=tied)) == said

    def test_a_factor_that_stage_1_does_not_vary_is_named(self, finished: StudyResults) -> None:
        with pytest.raises(NotThereError, match="does not vary the weight decay"):
            factor_effect.read(finished, _options("factor_effect", factor="weight_decay"))


class TestSchedulesAndStrategies:
    def test_schedules_are_the_strategies_own(self, finished: StudyResults) -> None:
        read = schedules.read(finished, _options("schedules"))
        assert (read.initial, read.steps_per_epoch) == (0.01, 125)
        rates = {line.strategy: dict(zip(read.epochs, line.rates, strict=True)) for line in read.lines}
        assert rates["constant"][100] == 0.01
        assert rates["time_based"][100] == pytest.approx(0.01 / (1 + 1e-4 * 100 * 125))
        assert rates["step"][100] == pytest.approx(0.005)
        assert rates["exponential"][100] == pytest.approx(0.01 * 2.718281828 ** (-5))

    def test_a_search_space_without_a_learning_rate_has_none(self, finished: StudyResults) -> None:
        settings = replace(finished.settings, factors={"patches": FactorSettings("patches", 100)})
        with pytest.raises(NotThereError, match="no reference learning rate"):
            schedules.read(replace(finished, settings=settings), _options("schedules"))

    def test_strategies_are_compared_over_equally_many_epochs(self, finished: StudyResults) -> None:
        read = strategy_curves.read(finished, _options("strategy_curves", metric="accuracy"))
        assert len(read.lines) == 16
        assert {len(line.values) for line in read.lines} == {10}

    def test_a_study_of_one_strategy_has_no_comparison(self, finished: StudyResults) -> None:
        settings = stages_changed(finished.settings, stage1={"factors": ("patches",)})
        with pytest.raises(NotThereError, match="does not vary"):
            strategy_curves.read(replace(finished, settings=settings), _options("strategy_curves"))


class TestHistory:
    def test_the_line_is_the_best_so_far_and_failed_trials_are_counted(self, finished: StudyResults) -> None:
        read = history.read(finished, _options("history"))
        line = read.lines[0]
        assert line.best == [max(line.values[: index + 1]) for index in range(len(line.values))]
        assert len(line.values) == 13
        assert "4 trials failed and are not shown" in history.explain(read)

    def test_less_is_better_for_a_loss(self, finished: StudyResults) -> None:
        objective = replace(finished.settings.objective, metric="loss")
        study = replace(finished, settings=replace(finished.settings, objective=objective))
        line = history.read(study, _options("history")).lines[0]
        assert line.best[-1] == min(line.values)


class TestTestResults:
    @pytest.mark.parametrize("metric", METRICS)
    def test_bars_are_means_over_seeds(self, finished: StudyResults, expected: Expected, metric: str) -> None:
        read = before_after.read(finished, _options("before_after", metric=metric))
        assert len(read.bars) == 8
        for bar in read.bars:
            assert bar.estimate.value == pytest.approx(expected(bar.architecture, bar.side, metric))

    def test_bars_begin_at_0_and_places_of_missing_architectures_stay_free(self, running: StudyResults) -> None:
        figure = before_after.draw(before_after.read(running, _options("before_after")), LOOKS)
        assert figure.layout.yaxis.range[0] == 0
        assert tuple(figure.layout.xaxis.categoryarray) == running.settings.architectures

    def test_the_legend_of_a_roc_curve_tells_its_area(self, finished: StudyResults, expected: Expected) -> None:
        figure = roc.draw(roc.read(finished, _options("roc")), LOOKS)
        names = {trace.name for trace in figure.data}
        assert f"model3 after: AUC {expected('model3', 'after', 'auc'):.3f}" in names
        assert f"model3 before: AUC {expected('model3', 'before', 'auc'):.3f}" in names

    def test_the_table_has_every_metric_with_its_interval_and_the_adjusted_p(self, finished: StudyResults) -> None:
        read = comparison_table.read(finished, _options("comparison_table"))
        text = shown(comparison_table.draw(read, LOOKS))
        assert text.count("<tr") == 1 + 4 * len(METRICS)
        sides = finished.comparison["model1"]
        assert sides.before_after is not None
        found = sides.before_after.metrics["accuracy"]
        assert f"{found.after.value:.3f}<small>{found.after.low:.3f} to {found.after.high:.3f}</small>" in text
        assert f"+{found.difference.value:.3f}<small>+{found.difference.low:.3f} to" in text
        text = comparison_table.explain(read)
        assert "Bootstrap over 24 slides and 3 seeds; 2,000 resamples. 'These" in text
        assert "Holm over 4 architectures" in text
        assert "paper" not in text

    def test_it_says_so_where_patches_were_resampled_or_one_seed_was_trained(self, finished: StudyResults) -> None:
        alone = tuple(one for one in finished.confirmations if one.seed == 0)
        study = replace(finished, test_slides=None, confirmations=alone)
        text = comparison_table.explain(comparison_table.read(study, _options("comparison_table")))
        assert (
            "Bootstrap over 600 patches; one seed shows no spread between seeds; 2,000 resamples. Patches are taken as "
            "independent, since slides are unknown or fewer than three"
        ) in text

    def test_the_papers_numbers_are_shown_only_where_wished_and_marked(self, finished: StudyResults) -> None:
        without, wished = (
            shown(
                comparison_table.draw(comparison_table.read(finished, _options("comparison_table", paper=paper)), LOOKS)
            )
            for paper in (False, True)
        )
        assert "Paper" not in without
        assert "Paper: before, after" in wished
        assert '<td class="dim numeric">0.785, 0.854</td>' in wished  # model1's F1 as printed

    def test_a_model_that_the_paper_does_not_have_has_a_dash(self, invented_pair: StudyResults) -> None:
        text = shown(
            comparison_table.draw(comparison_table.read(invented_pair, _options("comparison_table", paper=True)), LOOKS)
        )
        assert text.count('<td class="dim numeric">\N{EN DASH}</td>') == len(METRICS)

    def test_the_best_model_is_chosen_on_validation(self, finished: StudyResults) -> None:
        read = best_table.read(finished, _options("best_table", paper=True))
        curves = {
            row.name: [
                one.curve for one in finished.confirmations if (one.architecture, one.role) == (row.name, "after")
            ]
            for row in read.rows
        }
        for row in read.rows:
            assert row.validation == pytest.approx(fmean(curve[-1]["valid_auc"] for curve in curves[row.name]))
        assert read.best == max(read.rows, key=lambda row: row.validation).name
        text = shown(best_table.draw(read, LOOKS))
        assert text.count("best on validation") == 1
        assert "model4 in the paper" in text
        assert "Training patches 7,200, batch size 24, learning rate 0.0057" in text

    def test_with_patience_the_validation_is_that_of_the_epoch_that_was_kept(self, finished: StudyResults) -> None:
        kept = tuple(
            replace(one, objective=max(epoch["valid_auc"] for epoch in one.curve)) for one in finished.confirmations
        )
        settings = stages_changed(finished.settings, confirm={"patience": 2})
        study = replace(finished, confirmations=kept, settings=settings)
        for row in best_table.read(study, _options("best_table")).rows:
            values = [one.objective for one in study.finals(row.name, "after")]
            assert row.validation == pytest.approx(fmean(value or 0.0 for value in values))

    def test_the_control_parts_settings_from_weights(self, finished: StudyResults, expected: Expected) -> None:
        row = cold_control.read(finished, _options("cold_control")).rows[2]
        assert row.tuned_cold is not None
        assert row.warm_start is not None
        before, cold, after = (expected("model3", role, "auc") for role in ("before", "cold_control", "after"))
        assert row.tuned_cold.value == pytest.approx(cold - before)
        assert row.warm_start.value == pytest.approx(after - cold)

    def test_a_study_without_the_control_says_so(self, finished: StudyResults) -> None:
        trainings = tuple(one for one in finished.confirmations if one.role != "cold_control")
        unasked = stages_changed(finished.settings, confirm={"cold_control": False})
        with pytest.raises(NotThereError, match=r"not part of this study \(confirm.cold_control\)"):
            cold_control.read(replace(finished, confirmations=trainings, settings=unasked), _options("cold_control"))

    def test_a_study_that_has_not_come_to_its_control_says_so(self, empty: StudyResults) -> None:
        with pytest.raises(NotThereError, match="has not been tested yet"):
            cold_control.read(empty, _options("cold_control"))
        cold = stages_changed(empty.settings, stage2={"warm_start": "cold"})
        with pytest.raises(NotThereError, match="is its own control"):
            cold_control.read(replace(empty, settings=cold), _options("cold_control"))


class TestAccounts:
    def test_the_search_and_the_donors_count_for_after(self, finished: StudyResults) -> None:
        entries = (
            ComputeEntry("model1", "before", Compute(5, 1_000, 60.0), 1_000),
            ComputeEntry("model1", "stage1", Compute(10, 2_000, 120.0), 4_000),
            ComputeEntry("model1", "stage2", Compute(10, 3_000, 120.0), 3_000),
            ComputeEntry("model1", "after", Compute(5, 1_500, 90.0), 2_000),
            ComputeEntry("model1", "cold_control", Compute(5, 1_500, 90.0), 1_500),
        )
        read = compute.read(replace(finished, compute=entries), _options("compute"))
        text = shown(compute.draw(read, LOOKS))
        assert '<td class="sum numeric">6,500<small>6 min</small></td>' in text
        assert "6.5 times" in text
        assert "11,500" in text
        assert compute.finding(read) == (
            "Tuning took 6,500 patch-visits, 6.5 times the reference's final trainings; sharing saved 22% of all; "
            "everything together trained for 8 min."
        )
        searching = (*entries, ComputeEntry("model2", "stage1", Compute(10, 2_000, 120.0), 2_000))
        assert compute.finding(compute.read(replace(finished, compute=searching), _options("compute"))).startswith(
            "Tuning took 8,500 patch-visits, 6.5 times the reference's final trainings where both are trained; "
        )

    def test_ranges_show_words_and_numbers_and_who_edited_them(
        self, running: StudyResults, finished: StudyResults
    ) -> None:
        text = shown(ranges.draw(ranges.read(finished, _options("ranges")), LOOKS))
        assert "0.0017 to 0.0173<small>best 0.01, edited</small>" in text
        assert "16 to 45<small>" in text  # of 16 to 45.25: half a batch does not exist
        assert "constant and time based" in text
        assert "not complete for model2, model3 and model4" in ranges.explain(ranges.read(running, _options("ranges")))

    def test_a_cold_stage_2_has_no_donors(self, finished: StudyResults) -> None:
        settings = stages_changed(finished.settings, stage2={"warm_start": "cold"})
        with pytest.raises(NotThereError, match="random weights"):
            donors.read(replace(finished, settings=settings), _options("donors"))
        text = shown(donors.draw(donors.read(finished, _options("donors")), LOOKS))
        assert finished.donors[0].recipe_key[:12] in text

    def test_a_second_opening_of_the_test_split_is_not_passed_over(self, finished: StudyResults) -> None:
        text = test_openings.finding(test_openings.read(finished, _options("test_openings")))
        assert text == "4 openings of the test split, once for each architecture, after its configuration was frozen."
        again = replace(finished, test_openings=(*finished.test_openings, finished.test_openings[0]))
        read = test_openings.read(again, _options("test_openings"))
        assert test_openings.finding(read) == "5 openings of the test split; more than once: model1."
        assert "no longer those of an unseen test split" in test_openings.explain(read)

    def test_an_opening_after_a_change_of_the_plan_names_the_change(self, finished: StudyResults) -> None:
        first = finished.test_openings[0]
        change = PlanChange("stage2.trials: 4 -> 8", "taken", "stage 2 continues")
        plan = AcceptedPlan(first.opened_at + 1, {}, (change,), (first.architecture,))
        later = replace(first, opened_at=first.opened_at + 2)
        again = replace(finished, test_openings=(*finished.test_openings, later), plans=(AcceptedPlan(0.0, {}), plan))
        read = test_openings.read(again, _options("test_openings"))
        assert read.changes == ["", "", "", "", "stage2.trials: 4 -> 8"]
        assert test_openings.finding(read).endswith("more than once: model1, after the plan was changed.")
        history = plan_history.read(again, _options("plan_history"))
        assert plan_history.finding(history) == (
            "The plan was changed 1 time, also after the test split of model1 had been opened."
        )

    def test_failures_have_their_reasons(self, finished: StudyResults) -> None:
        read = failures.read(finished, _options("failures"))
        assert failures.finding(read) == "4 trials failed, 120 finished."
        assert shown(failures.draw(read, LOOKS)).count("the training loss was not finite in epoch 3") == 4
        sound = replace(finished, trials=tuple(trial for trial in finished.trials if trial.state == "complete"))
        assert "None." in shown(failures.draw(failures.read(sound, _options("failures")), LOOKS))

    def test_versions_and_data_are_shown(self, finished: StudyResults) -> None:
        assert "2.21.0" in shown(versions.draw(versions.read(finished, _options("versions")), LOOKS))
        named = versions.finding(versions.read(replace(finished, versions=current()), _options("versions")))
        assert named.startswith("This report was made with hpo ")
        assert f"python {current()['python']}." in named
        patches = data.draw(data.read(finished, _options("data")), LOOKS)
        assert "data:image/" in patches
        assert "8,000" in patches

    def test_the_diagram_tells_how_far_the_stages_are(self, running: StudyResults, empty: StudyResults) -> None:
        diagram = two_stages.draw(two_stages.read(running, _options("two_stages")), LOOKS)
        assert "17 of 68 trials done" in diagram
        assert "weights reused from stage 1" in diagram
        assert two_stages.draw(two_stages.read(empty, _options("two_stages")), LOOKS).count("not started") == 2

    def test_the_diagram_tells_what_every_training_computed_in_unless_it_is_as_usual(self, empty: StudyResults) -> None:
        mixed = replace(empty.settings, arithmetic=Arithmetic("bfloat16", jit_compile=True))
        plain, other = (
            two_stages.draw(two_stages.read(results, _options("two_stages")), LOOKS)
            for results in (empty, replace(empty, settings=mixed))
        )
        for words in ("mixed precision: bfloat16", "compiled by XLA"):
            assert words not in plain
            assert other.count(words) == 3


class TestThePapersTables:
    def test_they_are_as_printed(self) -> None:
        assert TABLE_3["model2"] == ((0.8230, 0.7865, 0.8155, 0.7995, 0.90), (0.8546, 0.8538, 0.8445, 0.8228, 0.92))
        assert TABLE_4["model3"] == (0.9247, 0.9224, 0.9213, 0.9212, 0.98)
        assert set(TABLE_3) == set(TABLE_4) == {"model1", "model2", "model3", "model4"}


def test_a_trial_that_is_waiting_is_never_drawn(finished: StudyResults) -> None:
    waiting = TrialResult("stage2", "model1", 99, {"epochs": 3}, "waiting")
    lines = history.read(replace(finished, trials=(*finished.trials, waiting)), _options("history")).lines
    assert 99 not in lines[0].numbers
