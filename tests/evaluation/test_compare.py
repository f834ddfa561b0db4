"""The comparison of before and after: what is estimated, how it is paired, and what is resampled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hpo.evaluation.compare import compare, compare_sides, measure, metric_standard_error
from hpo.evaluation.delong import auc_standard_error, compare_auc
from hpo.evaluation.estimate import Estimate, Interval
from hpo.evaluation.mcnemar import compare_accuracy
from hpo.evaluation.metrics import METRICS, binary_metrics
from tests.evaluation.made import Array, Labels, comparisons, predict, split


def _close(first: Estimate, low: float, high: float, value: float) -> bool:
    return bool(np.allclose((first.low, first.high, first.value), (low, high, value), atol=1e-12))


class TestEstimates:
    def test_values_are_the_means_over_seeds_of_the_metrics_on_the_whole_split(self) -> None:
        labels = split(300)
        before, after = predict(labels, 1.0, 3, 1), predict(labels, 2.0, 3, 2)
        comparison = compare(labels, before, after, resamples=50)
        for name in METRICS:
            first = np.mean([binary_metrics(labels, row)[name] for row in before])
            second = np.mean([binary_metrics(labels, row)[name] for row in after])
            found = comparison.metrics[name]
            assert found.before.value == pytest.approx(first)
            assert found.after.value == pytest.approx(second)
            assert found.difference.value == pytest.approx(second - first)

    def test_one_side_alone_has_the_intervals_it_has_in_a_comparison(self) -> None:
        labels = split(200)
        before, after = predict(labels, 1.0, 2, 1), predict(labels, 2.0, 2, 2)
        comparison = compare(labels, before, after, resamples=100)
        alone = measure(labels, before, resamples=100)
        assert {name: found.before for name, found in comparison.metrics.items()} == dict(alone.metrics)

    def test_standard_errors_agree_with_closed_forms(self) -> None:
        labels = split(2000)
        side = predict(labels, 1.5, 1, 3)
        found = measure(labels, side, resamples=1500).metrics
        rates = binary_metrics(labels, side[0])
        positives, called = int(labels.sum()), int((side[0] > 0.5).sum())
        for name, count in (("accuracy", 2000), ("recall", positives), ("precision", called)):
            binomial = np.sqrt(rates[name] * (1 - rates[name]) / count)
            assert found[name].standard_error == pytest.approx(binomial, rel=0.08)
        assert found["auc"].standard_error == pytest.approx(auc_standard_error(labels, side[0]), rel=0.08)

    def test_the_interval_of_one_seed_is_the_normal_one_where_patches_are_many(self) -> None:
        labels = split(2000)
        found = measure(labels, predict(labels, 1.5, 1, 3), resamples=3000).metrics["accuracy"]
        half = norm.ppf(0.975) * found.standard_error
        assert found.low == pytest.approx(found.value - half, abs=0.002)
        assert found.high == pytest.approx(found.value + half, abs=0.002)

    def test_equal_seeds_of_the_bootstrap_give_equal_intervals(self) -> None:
        labels = split(100)
        before, after = predict(labels, 1.0, 2, 1), predict(labels, 2.0, 2, 2)
        assert compare(labels, before, after, resamples=60) == compare(labels, before, after, resamples=60)

    @settings(max_examples=30, deadline=None)
    @given(comparisons())
    def test_values_lie_within_their_intervals_and_these_within_their_bounds(
        self, drawn: tuple[Labels, Array, Array]
    ) -> None:
        for found in compare(*drawn, resamples=60).metrics.values():
            for estimate, lowest in ((found.before, 0), (found.after, 0), (found.difference, -1)):
                for low, high in ((estimate.low, estimate.high), estimate.networks):
                    assert lowest <= low <= estimate.value + 1e-12
                    assert estimate.value - 1e-12 <= high <= 1

    def test_one_seed_knows_nothing_of_other_seeds(self) -> None:
        labels = split(200)
        comparison = compare(labels, predict(labels, 1.0, 1, 1), predict(labels, 2.0, 1, 2), resamples=100)
        for found in comparison.metrics.values():
            assert found.difference.networks == (found.difference.low, found.difference.high)

    def test_seeds_that_differ_widen_the_procedures_interval_and_not_the_networks(self) -> None:
        labels = split(2000)
        shared = np.random.default_rng(1).normal(size=2000)
        alike, apart = (
            1 / (1 + np.exp(-(np.array(separations)[:, None] * (labels - 0.5) + shared)))
            for separations in ([2.0, 2.0, 2.0, 2.0], [1.2, 1.8, 2.2, 2.8])
        )
        same, different = (measure(labels, rows, resamples=400).metrics["auc"] for rows in (alike, apart))
        assert same.networks == pytest.approx((same.low, same.high))
        assert different.high - different.low > 4 * (different.networks.high - different.networks.low)
        assert different.networks.high - different.networks.low == pytest.approx(same.high - same.low, rel=0.2)

    def test_beside_the_intervals_stand_the_tests_and_the_chance_of_a_gain(self) -> None:
        labels = split(300)
        before, after = predict(labels, 1.0, 3, 1), predict(labels, 2.0, 3, 2)
        comparison = compare(labels, before, after, resamples=50)
        assert comparison.auc_test == compare_auc(labels, before, after)
        assert comparison.accuracy_test == compare_accuracy(labels, before, after)
        assert comparison.metrics["auc"].improvement.probability == 1

    def test_several_comparisons_from_the_same_resamples_are_those_of_one(self) -> None:
        labels = split(200)
        sides = {
            name: predict(labels, 1.0 + seed / 2, 2, seed) for seed, name in enumerate(("first", "second", "third"))
        }
        found = compare_sides(labels, sides, [("first", "third"), ("second", "third")], resamples=80)
        assert found["second", "third"] == compare(labels, sides["second"], sides["third"], resamples=80)

    def test_shapes_that_do_not_match_are_refused(self) -> None:
        labels = split(10)
        with pytest.raises(ValueError, match="must all be"):
            compare(labels, np.zeros((2, 10)), np.zeros((3, 10)))
        with pytest.raises(ValueError, match="three patches"):
            measure(labels[:2], np.zeros((1, 2)))


class TestPairing:
    @settings(max_examples=30, deadline=None)
    @given(comparisons())
    def test_identical_sides_differ_by_exactly_nothing(self, drawn: tuple[Labels, Array, Array]) -> None:
        labels, before, _ = drawn
        comparison = compare(labels, before, before.copy(), resamples=60)
        for found in comparison.metrics.values():
            assert found.difference == Estimate(0.0, 0.0, 0.0, 0.0, Interval(0.0, 0.0))
            assert found.improvement.probability == 0.5
            assert not found.difference.excludes_zero
        assert comparison.auc_test.difference == 0
        assert comparison.auc_test.p_value == 1

    @settings(max_examples=30, deadline=None)
    @given(comparisons())
    def test_swapping_the_sides_turns_the_sign_and_nothing_else(self, drawn: tuple[Labels, Array, Array]) -> None:
        labels, before, after = drawn
        forward, back = compare(labels, before, after, resamples=60), compare(labels, after, before, resamples=60)
        for name in METRICS:
            one, other = forward.metrics[name], back.metrics[name]
            assert _close(one.difference, -other.difference.high, -other.difference.low, -other.difference.value)
            assert one.difference.networks == pytest.approx(tuple(-end for end in other.difference.networks[::-1]))
            assert one.improvement.probability == pytest.approx(1 - other.improvement.probability)
            assert one.improvement.low == pytest.approx(1 - other.improvement.high)
        assert forward.auc_test.difference == pytest.approx(-back.auc_test.difference)
        assert forward.auc_test.p_value == pytest.approx(back.auc_test.p_value)

    def test_a_paired_difference_is_surer_than_two_sides_apart(self) -> None:
        labels = split(500)
        before = predict(labels, 1.5, 1, 4)
        after = np.clip(before + 0.05 * (labels - 0.5), 0, 1)
        found = compare(labels, before, after, resamples=300).metrics["auc"]
        assert found.difference.standard_error < found.before.standard_error / 3
        assert found.difference.excludes_zero


class TestUnits:
    def test_slides_are_resampled_where_they_are_known(self) -> None:
        labels = split(400)
        side = predict(labels, 1.0, 2, 1)
        slides = np.array([f"slide{index % 20}" for index in range(400)])
        sampling = measure(labels, side, slides=slides, resamples=20).sampling
        assert (sampling.unit, sampling.units, sampling.seeds, sampling.resamples) == ("slides", 20, 2, 20)
        sampling = measure(labels, side, resamples=20).sampling
        assert (sampling.unit, sampling.units) == ("patches", 400)

    def test_patches_are_resampled_where_a_class_has_a_single_slide(self) -> None:
        labels = split(60)
        slides = np.where(labels == 1, "only one", np.arange(60).astype(str))
        assert measure(labels, predict(labels, 1.0, 1, 1), slides=slides, resamples=20).sampling.unit == "patches"

    def test_slides_whose_patches_repeat_one_another_count_once(self) -> None:
        slides = np.repeat(np.arange(60), 20)
        labels = np.repeat(split(60), 20)
        side = np.repeat(predict(split(60), 1.0, 1, 1), 20, axis=1)
        by_slide = measure(labels, side, slides=slides, resamples=400).metrics["accuracy"].standard_error
        by_patch = measure(labels, side, resamples=400).metrics["accuracy"].standard_error
        assert by_slide == pytest.approx(by_patch * np.sqrt(20), rel=0.2)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 1000))
    def test_the_order_of_the_patches_does_not_matter(self, order: int) -> None:
        labels = split(60)
        slides = np.arange(60) % 12
        before, after = predict(labels, 1.0, 2, 1), predict(labels, 2.0, 2, 2)
        rows = np.random.default_rng(order).permutation(60)
        straight = compare(labels, before, after, slides=slides, resamples=60)
        shuffled = compare(labels[rows], before[:, rows], after[:, rows], slides=slides[rows], resamples=60)
        for name in METRICS:
            one, other = straight.metrics[name].difference, shuffled.metrics[name].difference
            assert _close(one, other.low, other.high, other.value)
        assert shuffled.auc_test.p_value == pytest.approx(straight.auc_test.p_value)


class TestStandardErrorOfOneTraining:
    def test_auc_without_slides_is_delongs(self) -> None:
        labels = split(300)
        row = predict(labels, 1.0, 1, 9)[0]
        assert metric_standard_error(labels, row, "auc") == auc_standard_error(labels, row)

    def test_auc_is_not_taken_for_certain_where_a_class_has_one_patch(self) -> None:
        labels = np.array([1, *[0] * 40])
        row = np.linspace(0.7, 0.2, 41)[np.r_[10, 0:10, 11:41]]
        assert metric_standard_error(labels, row, "auc") > 0.02

    @pytest.mark.parametrize("metric", [*METRICS, "loss"])
    def test_four_times_the_patches_halve_it(self, metric: str) -> None:
        few, many = (
            metric_standard_error(split(patches), predict(split(patches), 1.0, 1, 9)[0], metric)
            for patches in (500, 2000)
        )
        assert many == pytest.approx(few / 2, rel=0.2)

    def test_loss_is_that_of_a_mean(self) -> None:
        labels = split(1000)
        row = predict(labels, 1.0, 1, 9)[0]
        losses = -np.log(np.where(labels == 1, row, 1 - row))
        expected = losses.std(ddof=1) / np.sqrt(1000)
        assert metric_standard_error(labels, row, "loss") == pytest.approx(expected, rel=0.1)

    def test_slides_that_are_easy_or_hard_as_a_whole_make_it_larger(self) -> None:
        labels, slides = split(1000), np.arange(1000) % 20
        random = np.random.default_rng(3)
        right = random.random(1000) < np.where(slides < 10, 0.95, 0.55)
        row = np.where(right == (labels == 1), 0.9, 0.1)
        grouped = metric_standard_error(labels, row, "accuracy", slides)
        assert grouped > 1.5 * metric_standard_error(labels, row, "accuracy")
        assert metric_standard_error(labels, row, "auc", slides) > 1.5 * metric_standard_error(labels, row, "auc")
