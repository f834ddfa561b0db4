"""The comparison of before and after: what the intervals cover, and what the tests are held against."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest, norm
from sklearn.metrics import auc as area_by_trapezoid
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from hpo.evaluation.compare import compare, measure, metric_standard_error
from hpo.evaluation.delong import auc_standard_error, compare_auc
from hpo.evaluation.estimate import Estimate, Interval
from hpo.evaluation.holm import holm
from hpo.evaluation.metrics import METRICS, binary_metrics
from hpo.evaluation.roc import mean_roc, roc_curve

Array = NDArray[np.float64]


def _split(patches: int, seed: int = 0) -> NDArray[np.uint8]:
    """Labels of both classes, in random order."""
    labels = np.arange(patches) % 2
    return np.random.default_rng(seed).permutation(labels).astype(np.uint8)


def _side(labels: NDArray[np.uint8], separation: float, seeds: int, seed: int) -> Array:
    """Predictions whose areas grow with the separation; the seeds agree for the most part."""
    random = np.random.default_rng(seed)
    shared = separation * (labels - 0.5) + random.normal(size=len(labels))
    return 1 / (1 + np.exp(-(shared + 0.4 * random.normal(size=(seeds, len(labels))))))


@st.composite
def _comparisons(draw: st.DrawFn) -> tuple[NDArray[np.uint8], Array, Array]:
    """Small splits with ties, both classes, and one to three seeds."""
    patches, seeds = draw(st.integers(6, 30)), draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = _split(patches, draw(st.integers(0, 100)))
    levels = draw(st.integers(2, 40))
    before, after = random.integers(0, levels + 1, (2, seeds, patches)) / levels
    return labels, before, after


def _close(first: Estimate, low: float, high: float, value: float) -> bool:
    return bool(np.allclose((first.low, first.high, first.value), (low, high, value), atol=1e-12))


class TestEstimates:
    def test_values_are_the_means_over_seeds_of_the_metrics_on_the_whole_split(self) -> None:
        labels = _split(300)
        before, after = _side(labels, 1.0, 3, 1), _side(labels, 2.0, 3, 2)
        comparison = compare(labels, before, after, resamples=50)
        for name in METRICS:
            first = np.mean([binary_metrics(labels, row)[name] for row in before])
            second = np.mean([binary_metrics(labels, row)[name] for row in after])
            found = comparison.metrics[name]
            assert found.before.value == pytest.approx(first)
            assert found.after.value == pytest.approx(second)
            assert found.difference.value == pytest.approx(second - first)

    def test_one_side_alone_has_the_intervals_it_has_in_a_comparison(self) -> None:
        labels = _split(200)
        before, after = _side(labels, 1.0, 2, 1), _side(labels, 2.0, 2, 2)
        comparison = compare(labels, before, after, resamples=100)
        alone = measure(labels, before, resamples=100)
        assert {name: found.before for name, found in comparison.metrics.items()} == dict(alone.metrics)

    def test_standard_errors_agree_with_closed_forms(self) -> None:
        labels = _split(2000)
        side = _side(labels, 1.5, 1, 3)
        found = measure(labels, side, resamples=1500).metrics
        rates = binary_metrics(labels, side[0])
        positives, called = int(labels.sum()), int((side[0] > 0.5).sum())
        for name, count in (("accuracy", 2000), ("recall", positives), ("precision", called)):
            binomial = np.sqrt(rates[name] * (1 - rates[name]) / count)
            assert found[name].standard_error == pytest.approx(binomial, rel=0.08)
        assert found["auc"].standard_error == pytest.approx(auc_standard_error(labels, side[0]), rel=0.08)

    def test_the_interval_of_one_seed_is_the_normal_one_where_patches_are_many(self) -> None:
        labels = _split(2000)
        found = measure(labels, _side(labels, 1.5, 1, 3), resamples=3000).metrics["accuracy"]
        half = norm.ppf(0.975) * found.standard_error
        assert found.low == pytest.approx(found.value - half, abs=0.002)
        assert found.high == pytest.approx(found.value + half, abs=0.002)

    def test_equal_seeds_of_the_bootstrap_give_equal_intervals(self) -> None:
        labels = _split(100)
        before, after = _side(labels, 1.0, 2, 1), _side(labels, 2.0, 2, 2)
        assert compare(labels, before, after, resamples=60) == compare(labels, before, after, resamples=60)

    @settings(max_examples=30, deadline=None)
    @given(_comparisons())
    def test_values_lie_within_their_intervals_and_these_within_their_bounds(
        self, drawn: tuple[NDArray[np.uint8], Array, Array]
    ) -> None:
        for found in compare(*drawn, resamples=60).metrics.values():
            for side in (found.before, found.after):
                assert 0 <= side.low <= side.value <= side.high <= 1
            assert -1 <= found.difference.low <= found.difference.value <= found.difference.high <= 1

    def test_shapes_that_do_not_match_are_refused(self) -> None:
        labels = _split(10)
        with pytest.raises(ValueError, match="must all be"):
            compare(labels, np.zeros((2, 10)), np.zeros((3, 10)))
        with pytest.raises(ValueError, match="three patches"):
            measure(labels[:2], np.zeros((1, 2)))


class TestPairing:
    @settings(max_examples=30, deadline=None)
    @given(_comparisons())
    def test_identical_sides_differ_by_exactly_nothing(self, drawn: tuple[NDArray[np.uint8], Array, Array]) -> None:
        labels, before, _ = drawn
        comparison = compare(labels, before, before.copy(), resamples=60)
        for found in comparison.metrics.values():
            assert found.difference == Estimate(0.0, 0.0, 0.0, 0.0, Interval(0.0, 0.0))
            assert found.improvement.probability == 0.5
            assert not found.difference.excludes_zero
        assert comparison.auc_test.difference == 0
        assert comparison.auc_test.p_value == 1

    @settings(max_examples=30, deadline=None)
    @given(_comparisons())
    def test_swapping_the_sides_turns_the_sign_and_nothing_else(
        self, drawn: tuple[NDArray[np.uint8], Array, Array]
    ) -> None:
        labels, before, after = drawn
        forward, back = compare(labels, before, after, resamples=60), compare(labels, after, before, resamples=60)
        for name in METRICS:
            one, other = forward.metrics[name].difference, back.metrics[name].difference
            assert _close(one, -other.high, -other.low, -other.value)
        assert forward.auc_test.difference == pytest.approx(-back.auc_test.difference)
        assert forward.auc_test.p_value == pytest.approx(back.auc_test.p_value)

    def test_a_paired_difference_is_surer_than_two_sides_apart(self) -> None:
        labels = _split(500)
        before = _side(labels, 1.5, 1, 4)
        after = np.clip(before + 0.05 * (labels - 0.5), 0, 1)
        found = compare(labels, before, after, resamples=300).metrics["auc"]
        assert found.difference.standard_error < found.before.standard_error / 3
        assert found.difference.excludes_zero


class TestUnits:
    def test_slides_are_resampled_where_they_are_known(self) -> None:
        labels = _split(400)
        side = _side(labels, 1.0, 2, 1)
        slides = np.array([f"slide{index % 20}" for index in range(400)])
        sampling = measure(labels, side, slides=slides, resamples=20).sampling
        assert (sampling.unit, sampling.units, sampling.seeds, sampling.resamples) == ("slides", 20, 2, 20)
        sampling = measure(labels, side, resamples=20).sampling
        assert (sampling.unit, sampling.units) == ("patches", 400)

    def test_patches_are_resampled_where_a_class_has_a_single_slide(self) -> None:
        labels = _split(60)
        slides = np.where(labels == 1, "only one", np.arange(60).astype(str))
        assert measure(labels, _side(labels, 1.0, 1, 1), slides=slides, resamples=20).sampling.unit == "patches"

    def test_slides_whose_patches_repeat_one_another_count_once(self) -> None:
        slides = np.repeat(np.arange(60), 20)
        labels = np.repeat(_split(60), 20)
        side = np.repeat(_side(_split(60), 1.0, 1, 1), 20, axis=1)
        by_slide = measure(labels, side, slides=slides, resamples=400).metrics["accuracy"].standard_error
        by_patch = measure(labels, side, resamples=400).metrics["accuracy"].standard_error
        assert by_slide == pytest.approx(by_patch * np.sqrt(20), rel=0.2)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 1000))
    def test_the_order_of_the_patches_does_not_matter(self, order: int) -> None:
        labels = _split(60)
        slides = np.arange(60) % 12
        before, after = _side(labels, 1.0, 2, 1), _side(labels, 2.0, 2, 2)
        rows = np.random.default_rng(order).permutation(60)
        straight = compare(labels, before, after, slides=slides, resamples=60)
        shuffled = compare(labels[rows], before[:, rows], after[:, rows], slides=slides[rows], resamples=60)
        for name in METRICS:
            one, other = straight.metrics[name].difference, shuffled.metrics[name].difference
            assert _close(one, other.low, other.high, other.value)
        assert shuffled.auc_test.p_value == pytest.approx(straight.auc_test.p_value)


class TestCoverage:
    """Simulated studies whose truth is known: about 95 of 100 intervals must hold it."""

    @staticmethod
    def _study(random: np.random.Generator, *, seeds: int, spread: float) -> tuple[NDArray[np.uint8], Array, Array]:
        # Each patch is called rightly with its training's own probability, whose mean is 0.70 before and 0.75 after.
        labels = _split(200)
        sides = []
        for mean in (0.70, 0.75):
            skill = mean + spread * random.normal(size=(seeds, 1))
            right = random.random((seeds, 200)) < skill
            sides.append(np.where(right == (labels == 1), 0.9, 0.1))
        return labels, sides[0], sides[1]

    @pytest.mark.parametrize(
        ("seeds", "spread"), [pytest.param(1, 0.0, id="patches vary"), pytest.param(5, 0.05, id="trainings vary")]
    )
    def test_intervals_cover_the_true_difference(self, seeds: int, spread: float) -> None:
        random = np.random.default_rng(11)
        studies = 150
        covered = 0
        for _ in range(studies):
            found = compare(*self._study(random, seeds=seeds, spread=spread), resamples=200).metrics["accuracy"]
            covered += found.difference.low <= 0.05 <= found.difference.high
        assert binomtest(covered, studies, 0.95).pvalue > 0.01, f"{covered} of {studies}"


class TestDeLong:
    def test_the_variance_is_that_of_the_definition(self) -> None:
        labels = _split(40)
        scores = np.round(_side(labels, 1.0, 1, 5)[0], 1)
        positive, negative = scores[labels == 1], scores[labels == 0]
        kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
        variance = kernel.mean(axis=1).var(ddof=1) / len(positive) + kernel.mean(axis=0).var(ddof=1) / len(negative)
        assert auc_standard_error(labels, scores) == pytest.approx(np.sqrt(variance))

    def test_the_difference_of_mean_areas_is_tested_with_the_variance_of_its_mean_kernel(self) -> None:
        labels = _split(50)
        before, after = _side(labels, 0.8, 3, 6), _side(labels, 1.6, 3, 7)

        def kernel(side: Array) -> Array:
            high, low = side[:, labels == 1], side[:, labels == 0]
            return np.mean((high[:, :, None] > low[:, None, :]) + 0.0, axis=0)

        difference = kernel(after) - kernel(before)
        variance = sum(np.var(difference.mean(axis=axis), ddof=1) / difference.shape[1 - axis] for axis in (0, 1))
        found = compare_auc(labels, before, after)
        areas = [np.mean([roc_auc_score(labels, row) for row in side]) for side in (before, after)]
        assert found.difference == pytest.approx(areas[1] - areas[0])
        assert found.standard_error == pytest.approx(np.sqrt(variance))
        assert found.p_value == pytest.approx(2 * norm.sf(abs(found.difference) / np.sqrt(variance)))
        assert found.low == pytest.approx(found.difference - 1.959964 * found.standard_error)

    def test_p_values_are_uniform_where_nothing_differs(self) -> None:
        random = np.random.default_rng(8)
        labels = _split(200)
        p_values = []
        for _ in range(200):
            shared = labels + random.normal(size=200)
            before, after = (shared + 0.5 * random.normal(size=(1, 200)) for _ in range(2))
            p_values.append(compare_auc(labels, before, after).p_value)
        assert binomtest(sum(p < 0.05 for p in p_values), 200, 0.05).pvalue > 0.01
        assert np.mean(p_values) == pytest.approx(0.5, abs=0.07)

    def test_a_class_of_one_patch_has_no_variance_to_speak_of(self) -> None:
        assert auc_standard_error(np.array([1, 0, 0]), np.array([0.9, 0.1, 0.2])) == 0
        assert compare_auc(np.zeros(3), np.zeros((1, 3)), np.ones((1, 3))).p_value == 1


class TestHolm:
    def test_by_hand(self) -> None:
        # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 gives 0.02, 0.03, 0.06, 0.04; the last may not fall below.
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))

    def test_one_test_alone_is_not_changed_and_none_gives_none(self) -> None:
        assert holm([0.04]) == (0.04,)
        assert holm([]) == ()

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_never_less_than_given_nor_more_than_bonferroni(self, p_values: list[float]) -> None:
        adjusted = holm(p_values)
        for given_p, found in zip(p_values, adjusted, strict=True):
            assert given_p <= found <= min(1.0, given_p * len(p_values)) or found == pytest.approx(given_p)
        order = np.argsort(p_values, kind="stable")
        assert np.all(np.diff(np.array(adjusted)[order]) >= 0)

    def test_what_is_no_p_value_is_refused(self) -> None:
        with pytest.raises(ValueError, match="lie in"):
            holm([0.2, float("nan")])


class TestStandardErrorOfOneTraining:
    def test_auc_without_slides_is_delongs(self) -> None:
        labels = _split(300)
        row = _side(labels, 1.0, 1, 9)[0]
        assert metric_standard_error(labels, row, "auc") == auc_standard_error(labels, row)

    @pytest.mark.parametrize("metric", [*METRICS, "loss"])
    def test_four_times_the_patches_halve_it(self, metric: str) -> None:
        few, many = (
            metric_standard_error(_split(patches), _side(_split(patches), 1.0, 1, 9)[0], metric)
            for patches in (500, 2000)
        )
        assert many == pytest.approx(few / 2, rel=0.2)

    def test_loss_is_that_of_a_mean(self) -> None:
        labels = _split(1000)
        row = _side(labels, 1.0, 1, 9)[0]
        losses = -np.log(np.where(labels == 1, row, 1 - row))
        expected = losses.std(ddof=1) / np.sqrt(1000)
        assert metric_standard_error(labels, row, "loss") == pytest.approx(expected, rel=0.1)

    def test_slides_that_are_easy_or_hard_as_a_whole_make_it_larger(self) -> None:
        labels, slides = _split(1000), np.arange(1000) % 20
        random = np.random.default_rng(3)
        right = random.random(1000) < np.where(slides < 10, 0.95, 0.55)
        row = np.where(right == (labels == 1), 0.9, 0.1)
        grouped = metric_standard_error(labels, row, "accuracy", slides)
        assert grouped > 1.5 * metric_standard_error(labels, row, "accuracy")
        assert metric_standard_error(labels, row, "auc", slides) > 1.5 * metric_standard_error(labels, row, "auc")


class TestRoc:
    @settings(max_examples=30, deadline=None)
    @given(_comparisons())
    def test_points_are_scikit_learns(self, drawn: tuple[NDArray[np.uint8], Array, Array]) -> None:
        labels, side, _ = drawn
        found = roc_curve(labels, side[0])
        alarms, hits, thresholds = sklearn_roc_curve(labels, side[0], drop_intermediate=False)
        np.testing.assert_allclose(found.false_positive_rate, alarms)
        np.testing.assert_allclose(found.true_positive_rate, hits)
        np.testing.assert_allclose(found.threshold, thresholds)

    def test_the_area_below_the_mean_curve_is_the_mean_of_the_areas(self) -> None:
        labels = _split(400)
        side = _side(labels, 1.5, 3, 10)
        alarms, hits = mean_roc([roc_curve(labels, row) for row in side], points=2001)
        areas = [roc_auc_score(labels, row) for row in side]
        assert area_by_trapezoid(alarms, hits) == pytest.approx(np.mean(areas), abs=2e-3)
        assert (alarms[0], hits[0], alarms[-1], hits[-1]) == (0, 0, 1, 1)

    def test_one_class_has_no_curve(self) -> None:
        with pytest.raises(ValueError, match="both classes"):
            roc_curve(np.ones(4), np.linspace(0, 1, 4))
