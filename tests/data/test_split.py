from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hpo.data.split import groups_of, most_balanced, nested_subset, split_rows
from hpo.errors import DataError

labels_of_both = st.lists(st.integers(0, 1), min_size=2, max_size=80).filter(lambda values: len(set(values)) == 2)


class TestNestedSubset:
    @given(labels=labels_of_both, seed=st.integers(0, 5), data=st.data())
    def test_smaller_is_inside_larger(self, labels, seed, data):
        most = 2 * min(labels.count(0), labels.count(1))
        larger = data.draw(st.integers(1, most))
        smaller = data.draw(st.integers(1, larger))
        assert nested_subset(labels, larger, seed)[:smaller].tolist() == nested_subset(labels, smaller, seed).tolist()

    @given(labels=labels_of_both, seed=st.integers(0, 5), data=st.data())
    def test_is_class_balanced_without_repeats(self, labels, seed, data):
        n = data.draw(st.integers(1, 2 * min(labels.count(0), labels.count(1))))
        rows = nested_subset(labels, n, seed)
        assert len(set(rows.tolist())) == n
        assert np.asarray(labels)[rows].sum() == n // 2

    @given(labels=labels_of_both, seed=st.integers(0, 5), data=st.data())
    def test_at_the_natural_ratio_uses_all_patches_and_is_nested(self, labels, seed, data):
        whole = nested_subset(labels, len(labels), seed, "natural")
        assert sorted(whole.tolist()) == list(range(len(labels)))
        n = data.draw(st.integers(1, len(labels)))
        part = nested_subset(labels, n, seed, "natural")
        assert part.tolist() == whole[:n].tolist()
        assert abs(np.asarray(labels)[part].sum() - n * sum(labels) / len(labels)) <= 0.5

    def test_at_the_natural_ratio_ends_with_the_last_patch(self):
        with pytest.raises(DataError, match="at most 5 are available"):
            nested_subset([0, 0, 0, 1, 0], 6, 0, "natural")

    def test_depends_on_the_seed_alone(self):
        labels = np.arange(1000) % 2
        assert nested_subset(labels, 50, 1).tolist() == nested_subset(labels, 50, 1).tolist()
        assert nested_subset(labels, 50, 1).tolist() != nested_subset(labels, 50, 2).tolist()

    @pytest.mark.parametrize(
        ("labels", "n", "most"), [([0] * 10 + [1] * 3, 8, 7), ([0] * 2 + [1] * 9, 5, 4), ([0, 0], 2, 1)]
    )
    def test_says_how_many_are_available_when_a_class_runs_out(self, labels, n, most):
        with pytest.raises(DataError, match=f"at most {most} are available"):
            nested_subset(labels, n, 0)
        assert len(nested_subset(labels, most, 0)) == most

    def test_of_nothing_is_refused(self):
        with pytest.raises(DataError, match="at least 1"):
            nested_subset([0, 1], 0, 0)


class TestGroups:
    def test_identical_patches_are_one_group(self):
        hashes = np.array([[1] * 32, [2] * 32, [1] * 32], np.uint8)
        groups = groups_of(hashes, None)
        assert groups[0] == groups[2] != groups[1]

    def test_slides_joined_by_an_identical_patch_are_one_group(self):
        hashes = np.arange(6, dtype=np.uint8)[:, None].repeat(32, axis=1)
        hashes[5] = hashes[0]
        groups = groups_of(hashes, np.array(["a", "a", "b", "b", "c", "c"]))
        assert groups[0] == groups[1] == groups[4] == groups[5]
        assert groups[2] == groups[3] != groups[0]


class TestSplitRows:
    @given(
        groups=st.lists(st.integers(0, 30), min_size=40, max_size=120),
        seed=st.integers(0, 5),
        test=st.sampled_from([0.0, 0.2]),
        data=st.data(),
    )
    @settings(deadline=None)
    def test_every_row_is_in_one_part_and_every_group_on_one_side(self, groups, seed, test, data):
        labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(groups), max_size=len(groups))), np.uint8)
        assume(len(set(labels.tolist())) == 2)
        groups = np.unique(groups, return_inverse=True)[1]
        try:
            parts = split_rows(labels, groups, (0.8 - test, 0.2, test), seed)
        except DataError as error:
            assert "a part would lack a class" in str(error)  # noqa: PT017  few large groups: not always possible
            return
        assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
        sides = [set(groups[part].tolist()) for part in parts]
        assert len(set().union(*sides)) == sum(map(len, sides))

    @given(benign=st.integers(10, 100), malignant=st.integers(10, 100), seed=st.integers(0, 5))
    def test_single_patches_are_stratified_to_within_one(self, benign, malignant, seed):
        labels = np.repeat([0, 1], [benign, malignant]).astype(np.uint8)
        _, valid, test = split_rows(labels, np.arange(len(labels)), (0.7, 0.2, 0.1), seed)
        for part, share in ((valid, 0.2), (test, 0.1)):
            assert abs((labels[part] == 0).sum() - share * benign) <= 1
            assert abs((labels[part] == 1).sum() - share * malignant) <= 1

    def test_slides_of_unequal_sizes_come_near_the_shares(self):
        rng = np.random.default_rng(0)
        groups = np.repeat(np.arange(40), rng.integers(5, 60, 40))
        labels = rng.integers(0, 2, len(groups)).astype(np.uint8)
        _, valid, _ = split_rows(labels, groups, (0.8, 0.2, 0.0), 0)
        assert abs(len(valid) / len(groups) - 0.2) < 0.02

    def test_is_the_same_for_the_same_seed_only(self):
        labels, groups = (np.arange(100) % 2).astype(np.uint8), np.arange(100)
        first, same, other = (split_rows(labels, groups, (0.8, 0.2), seed)[1].tolist() for seed in (0, 0, 1))
        assert first == same != other

    @pytest.mark.parametrize("classes", [2, 3])
    @pytest.mark.parametrize("seed", range(5))
    def test_as_many_slides_of_each_class_as_parts_are_one_each(self, classes, seed):
        slides = np.repeat(np.arange(3 * classes), 100)
        labels = (slides // 3).astype(np.uint8)
        for rows in split_rows(labels, slides, (0.6, 0.2, 0.2), seed):
            assert sorted(set(labels[rows].tolist())) == list(range(classes))
            assert len(set(slides[rows].tolist())) == classes

    def test_too_few_groups_are_refused(self):
        with pytest.raises(DataError, match="only 2 groups"):
            split_rows(np.array([0, 1, 0, 1], np.uint8), np.array([0, 0, 1, 1]), (0.6, 0.2, 0.2), 0)

    def test_one_class_is_refused(self):
        with pytest.raises(DataError, match="both classes"):
            split_rows(np.zeros(4, np.uint8), np.arange(4), (0.8, 0.2), 0)


labels_of_many = st.lists(st.integers(0, 4), min_size=5, max_size=80).filter(lambda values: len(set(values)) == 5)


class TestManyClasses:
    @given(labels=labels_of_many, seed=st.integers(0, 3), data=st.data())
    def test_subsets_are_nested_and_share_themselves_equally(self, labels, seed, data):
        n = data.draw(st.integers(1, most_balanced(np.bincount(labels).tolist())))
        whole = nested_subset(labels, n, seed)
        counts = np.bincount(np.asarray(labels)[whole], minlength=5)
        assert len(set(whole.tolist())) == n
        assert counts.max() - counts.min() <= 1
        assert nested_subset(labels, max(1, n // 2), seed).tolist() == whole[: max(1, n // 2)].tolist()
        with pytest.raises(DataError, match="of 5 classes, were asked for"):
            nested_subset(labels, most_balanced(np.bincount(labels).tolist()) + 1, seed)

    @given(labels=labels_of_many, seed=st.integers(0, 3), data=st.data())
    def test_at_the_natural_ratio_every_class_keeps_its_share(self, labels, seed, data):
        n = data.draw(st.integers(1, len(labels)))
        part = nested_subset(labels, n, seed, "natural")
        assert part.tolist() == nested_subset(labels, len(labels), seed, "natural")[:n].tolist()
        due = np.bincount(labels) * n / len(labels)
        assert np.abs(np.bincount(np.asarray(labels)[part], minlength=5) - due).max() < 2
        assert sorted(nested_subset(labels, len(labels), seed, "natural").tolist()) == list(range(len(labels)))

    @given(labels=st.permutations([0] * 40 + [1] * 20 + [2] * 30), seed=st.integers(0, 3))
    @settings(max_examples=20)
    def test_a_split_is_stratified_over_all_classes(self, labels, seed):
        labels = np.array(labels, np.uint8)
        for rows, share in zip(split_rows(labels, np.arange(90), (0.7, 0.2, 0.1), seed), (0.7, 0.2, 0.1), strict=True):
            assert np.abs(np.bincount(labels[rows], minlength=3) - share * np.array([40, 20, 30])).max() <= 1

    def test_a_split_that_would_lack_a_class_is_refused(self):
        with pytest.raises(DataError, match="a part would lack a class"):
            split_rows(np.array([0, 1, 2] * 4 + [3], np.uint8), np.arange(13), (0.8, 0.2), 0)
        with pytest.raises(DataError, match="no patches of label 1"):
            split_rows(np.array([0, 2, 2, 0], np.uint8), np.arange(4), (0.8, 0.2), 0)
