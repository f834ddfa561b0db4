"""Kind 2: where label, split and slide come from is said, never guessed twice."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from hpo.data.description import read_description
from hpo.data.images.classes import parse_classes
from hpo.data.images.importing import Options, import_images
from hpo.data.images.splits import splits_named
from hpo.data.meta import read_slides
from hpo.data.pcam import split_files
from hpo.errors import DataError
from tests.data.images.made import TRAIN, folder_of, image, labels, shades, tar_of, two_classes


def refused(source: Path, **options: object) -> str:
    destination = source.parent / "refused"
    with pytest.raises(DataError) as error:
        import_images(source, destination, Options(**options))
    assert not destination.exists()
    return str(error.value)


def slides(folder: Path, count: int) -> list[str] | None:
    found = read_slides(split_files(folder, "patches").meta, count)
    return None if found is None else list(found)


class TestClasses:
    BREAKHIS = {  # noqa: RUF012
        f"breast/{kind}/SOB/{sub}/SOB_{kind[0]}_{n % 3}/{power}/{kind[0]}{n}-{power}.png": image(n)
        for n in range(6)
        for kind, sub in [("benign", "adenosis") if n % 2 else ("malignant", "ductal")]
        for power in ("40X", "100X")
    }

    def test_the_class_folder_may_lie_anywhere_on_the_path(self, tmp_path):
        source = folder_of(tmp_path / "BreaKHis", self.BREAKHIS)
        options = Options(classes="benign,malignant", only=["40X"], slide_from="folder:5")
        imported = import_images(source, tmp_path / "data", options)
        assert imported.counts == {"patches": (3, 3)}
        assert set(slides(tmp_path / "data", 6) or ()) == {f"SOB_{kind}_{n}" for kind in "bm" for n in range(3)}
        assert imported.left_out.total == 6

    def test_levels_that_could_all_be_classes_are_named_not_guessed(self, tmp_path):
        said = refused(folder_of(tmp_path / "BreaKHis", self.BREAKHIS))
        assert "--classes benign,malignant" in said
        assert "--classes 40X,100X" in said

    def test_patients_below_classes_are_no_classes(self, tmp_path):
        files = {f"{('benign', 'malignant')[n % 2]}/p{n}/x.png": image(n) for n in range(4)}
        assert "--classes benign,malignant" in refused(folder_of(tmp_path / "images", files))

    def test_advice_makes_what_is_healthy_label_0_and_names_no_patients(self, tmp_path):
        files = {f"{('cancer', 'normal')[n % 2]}/patient{n}/x.png": image(n) for n in range(4)}
        said = refused(folder_of(tmp_path / "images", files))
        assert said.endswith("Folders further up have two names: --classes normal,cancer takes them.")

    def test_a_rare_misspelt_label_is_pointed_out(self, tmp_path):
        source = folder_of(tmp_path / "images", {f"{n}.png": image(n) for n in range(24)})
        rows = [f"{n},{('malignant', 'benign')[n % 2]}" for n in range(23)] + ["23,malignent"]
        (source / "labels.csv").write_text("\n".join(["id,label", *rows]))
        said = refused(source, labels=source / "labels.csv")
        assert "malignent (1 of 24) may be malignant, misspelt" in said
        option = "benign,malignant=malignant+malignent"
        assert f"merge the two: --classes {option}" in said
        assert "keep them apart: --classes benign,malignant,malignent" in said
        imported = import_images(source, tmp_path / "data", Options(labels=source / "labels.csv", classes=option))
        assert imported.counts == {"patches": (11, 13)}

    def test_grades_are_no_misspellings(self, tmp_path):
        kinds = ["grade1"] * 12 + ["grade2"] * 12 + ["grade3"]
        files = {f"{kind}/{n}.png": image(n) for n, kind in enumerate(kinds)}
        said = refused(folder_of(tmp_path / "images", files))
        assert "misspelt" not in said
        assert "too few images for a class: grade3 (1)" in said
        for option, counts in (("grade1,grade2", (12, 12)), ("grade1,grade2,grade3", (12, 12, 1))):
            assert f"--classes {option}" in said
            imported = import_images(tmp_path / "images", tmp_path / option, Options(classes=option))
            assert imported.counts == {"patches": counts}

    def test_images_beside_class_folders_are_no_class(self, tmp_path):
        files = {f"data/{kind}/{n}.png": image(n) for n, kind in enumerate("abab")} | {"data/9.png": image(9)}
        said = refused(folder_of(tmp_path / "images", files))
        assert "images lie in data itself, and in the class folder a within it" in said
        assert said.endswith("--classes a,b")
        imported = import_images(tmp_path / "images", tmp_path / "data", Options(classes="a,b"))
        assert imported.counts == {"patches": (2, 2)}

    def test_rare_classes_of_three_images_are_classes(self, tmp_path):
        files = {f"{kind}/{n}.png": image(n) for n, kind in enumerate(["a"] * 30 + ["b"] * 30 + ["c"] * 3)}
        imported = import_images(folder_of(tmp_path / "images", files), tmp_path / "data")
        assert imported.counts == {"patches": (30, 30, 3)}

    @pytest.mark.parametrize(
        ("first", "second"),
        [("adipose tissue", "adipose_tissue"), ("Tu-mour", "tumour"), ("smooth.muscle", "SmoothMuscle")],
    )
    def test_one_name_in_two_spellings_is_refused_with_the_option_that_merges(self, tmp_path, first, second):
        files = {f"{kind}/{n}.png": image(n) for n, kind in enumerate((first, second, "other", first, second))}
        said = refused(folder_of(tmp_path / "images", files))
        assert f"{first} and {second}" in said or f"{second} and {first}" in said
        assert "are one name in two spellings" in said
        option = shlex.split(said.rpartition("merge the two: ")[2])[1]
        imported = import_images(tmp_path / "images", tmp_path / "data", Options(classes=option))
        assert sorted(imported.counts["patches"]) == [1, 4]

    def test_what_stands_at_an_end_or_between_digits_tells_names_apart(self, tmp_path):
        for number, names in enumerate((("HER2+", "HER2-", "none"), ("1-2", "12", "2-4"))):
            files = {f"{name}/{n}.png": image(n) for n, name in enumerate(names)}
            imported = import_images(folder_of(tmp_path / f"i{number}", files), tmp_path / f"d{number}")
            assert set(imported.classes) == set(names)

    NCT = {f"{kind}/{n}.png": image(n) for n, kind in enumerate(("ADI", "NORM", "TUM"))}  # noqa: RUF012

    def test_three_class_folders_are_three_classes_unless_some_are_chosen_or_merged(self, tmp_path):
        source = folder_of(tmp_path / "NCT", self.NCT)
        every = import_images(source, tmp_path / "every")
        assert every.counts == {"patches": (1, 1, 1)}
        assert every.classes == read_description(tmp_path / "every").classes == ("ADI", "NORM", "TUM")
        assert labels(tmp_path / "every") == [0, 1, 2]
        assert any("label 0 is ADI, 1 is NORM, 2 is TUM" in line for line in every.lines())
        chosen = import_images(source, tmp_path / "chosen", Options(classes="NORM,TUM"))
        assert chosen.counts == {"patches": (1, 1)}
        assert any("ADI: 1" in line for line in chosen.left_out.lines())
        merged = import_images(source, tmp_path / "merged", Options(classes="normal=ADI+NORM,tumour=TUM"))
        assert merged.counts == {"patches": (2, 1)}
        assert read_description(tmp_path / "merged").classes == ("normal", "tumour")

    @pytest.mark.parametrize(
        "text",
        [
            "A",
            "A,A",
            "A,a",
            "A=x,B=x",
            "A=,B",
            ",",
            "",
            "x=A+B,y=b",
            "tumour,Tu_mour,x",
            ",".join(map(str, range(101))),
        ],
    )
    def test_what_says_no_two_different_classes_is_refused(self, text):
        with pytest.raises(DataError, match="--classes"):
            parse_classes(text)

    def test_a_plus_belongs_to_a_folders_name_where_it_joins_nothing(self):
        assert parse_classes("HER2-,HER2+").members == (("HER2-",), ("HER2+",))
        assert parse_classes("no=HER2-,yes=HER2+").members == (("HER2-",), ("HER2+",))

    @pytest.mark.parametrize(
        ("first", "second"), [("normal", "Tumor"), ("Healthy", "cancer_2"), ("9", "10"), ("0_normal", "1_tumour")]
    )
    def test_order_is_that_of_a_dictionary_and_kept(self, tmp_path, first, second):
        names = (second, first) if first == "Healthy" else (first, second)
        files = {f"{name}/{n}.png": image(n) for n, name in enumerate(names)}
        imported = import_images(folder_of(tmp_path / "images", files), tmp_path / "data")
        assert imported.classes == read_description(tmp_path / "data").classes == names

    def test_spellings_of_one_name_are_one_class(self, tmp_path):
        files = {"train/Tumor/1.png": image(1), "train/normal/2.png": image(2)}
        files |= {"test/tumor/3.png": image(3), "test/Normal/4.png": image(4)}
        assert import_images(folder_of(tmp_path / "i", files), tmp_path / "d").counts == {
            "train": (1, 1),
            "test": (1, 1),
        }

    def test_a_reversed_order_is_pointed_out(self, tmp_path):
        files = {"cancer/1.png": image(1), "normal/2.png": image(2)}
        lines = import_images(folder_of(tmp_path / "images", files), tmp_path / "data").lines()
        assert any("label 1 is normal" in line and "--classes normal,cancer" in line for line in lines)

    def test_options_in_the_account_can_be_typed_as_they_stand(self, tmp_path):
        files = {"a tumour (2023)/1.png": image(1), "normal/2.png": image(2)}
        lines = import_images(folder_of(tmp_path / "images", files), tmp_path / "data").lines()
        assert any("--classes 'normal,a tumour (2023)' turns" in line for line in lines)

    def test_an_image_of_both_classes_is_refused(self, tmp_path):
        files = {"a/b/1.png": image(1), "a/2.png": image(2), "b/3.png": image(3)}
        assert "both classes" in refused(folder_of(tmp_path / "images", files), classes="a,b")

    def test_an_empty_class_folder_is_named(self, tmp_path):
        source = folder_of(tmp_path / "images", {"malignant/1.png": image(1)})
        (source / "benign").mkdir()
        assert "benign is empty" in refused(source)
        assert "benign is empty" in refused(source, classes="benign,malignant")


class TestSplits:
    @pytest.mark.parametrize(
        ("name", "split"),
        [
            ("train", "train"),
            ("TRAIN_SET", "train"),
            ("trainingSet", "train"),
            ("CRC-VAL-HE-7K", "valid"),
            ("Validation images", "valid"),
            ("dev", "valid"),
            ("testset", "test"),
            ("02_Testing", "test"),
        ],
    )
    def test_split_words(self, name, split):
        assert splits_named(name) == {split}

    @pytest.mark.parametrize("name", ["latest", "contest", "trainer", "value", "testis", "retraining2", "device"])
    def test_words_that_hold_a_split_word_are_none(self, name):
        assert not splits_named(name)

    def test_splits_without_class_folders_are_no_classes(self, tmp_path):
        files = {f"{split}/{n}.png": image(n) for n, split in enumerate(("train", "test"))}
        assert "test and train name splits" in refused(folder_of(tmp_path / "images", files))

    def test_the_folder_that_was_pointed_at_is_no_split(self, tmp_path):
        assert list(import_images(folder_of(tmp_path / "test", two_classes()), tmp_path / "data").counts) == ["patches"]

    def test_a_class_that_is_called_like_a_split_is_a_class_where_asked(self, tmp_path):
        source = folder_of(tmp_path / "images", {f"test_{kind}/{kind}.png": image(1) for kind in ("neg", "pos")})
        imported = import_images(source, tmp_path / "data", Options(classes="neg=test_neg,pos=test_pos"))
        assert imported.counts == {"patches": (1, 1)}

    def test_classes_above_splits(self, tmp_path):
        files = {f"{kind}/{split}/{kind}.png": image(1) for kind in "ab" for split in ("train", "valid", "test")}
        assert len(import_images(folder_of(tmp_path / "images", files), tmp_path / "data").counts) == 3

    def test_a_folder_that_holds_all_splits_is_none(self, tmp_path):
        files = {f"train_test_split/{split}/{n}": c for split in ("train", "test") for n, c in two_classes().items()}
        assert set(import_images(folder_of(tmp_path / "images", files), tmp_path / "data").counts) == {"train", "test"}

    def test_two_splits_on_one_path_are_refused_and_may_be_ignored(self, tmp_path):
        source = folder_of(tmp_path / "images", {f"train/test/{name}": c for name, c in two_classes().items()})
        assert "two splits" in refused(source)
        assert import_images(source, tmp_path / "data", Options(ignore_splits=True)).counts == {"patches": (2, 2)}

    def test_images_without_a_split_beside_others_are_refused(self, tmp_path):
        files = two_classes() | {f"CRC-VAL-HE-7K/{name}": c for name, c in two_classes(first=10).items()}
        assert "--ignore-splits" in refused(folder_of(tmp_path / "images", files), classes="0,1")

    def test_missing_splits_are_pointed_out(self, tmp_path):
        source = folder_of(
            tmp_path / "images", {f"train/{n}": c for n, c in two_classes().items()} | {"val/0/9.png": image(9)}
        )
        notes = "\n".join(import_images(source, tmp_path / "data").notes)
        assert "test missing" in notes
        assert "valid has no patch of 1" in notes


class TestSlides:
    IDC = {f"{10250 + n // 4}/{n % 2}/{10250 + n // 4}_idx5_x{n}_y1_class{n % 2}.png": image(n) for n in range(16)}  # noqa: RUF012

    def test_patients_are_suggested_and_kept_where_said(self, tmp_path):
        source = folder_of(tmp_path / "idc", self.IDC)
        (note, *_) = [note for note in import_images(source, tmp_path / "a").notes if note.startswith("slides")]
        assert "unknown" in note
        assert "--slide-from folder:1" in note
        assert slides(tmp_path / "a", 16) is None
        import_images(source, tmp_path / "b", Options(slide_from="folder:1"))
        assert set(slides(tmp_path / "b", 16) or ()) == {"10250", "10251", "10252", "10253"}

    def test_brackets_in_names_are_no_slides_where_each_image_would_be_one(self, tmp_path):
        source = folder_of(tmp_path / "images", {f"{'ab'[n % 2]}/{n} [copy].png": image(n) for n in range(8)})
        assert not any("QuPath" in note for note in import_images(source, tmp_path / "a").notes)
        tiles = folder_of(tmp_path / "tiles", {f"{'ab'[n % 2]}/s{n % 2} [x={n}].png": image(n) for n in range(8)})
        assert any("QuPath" in note for note in import_images(tiles, tmp_path / "b").notes)

    @pytest.mark.parametrize("rule", ["folder:-2", "regex:^([0-9]+)/", "regex:[0-9]{5}"])
    def test_ways_to_say_the_same(self, tmp_path, rule):
        import_images(folder_of(tmp_path / "idc", self.IDC), tmp_path / "data", Options(slide_from=rule))
        assert (slides(tmp_path / "data", 16) or [])[:5] == ["10250"] * 4 + ["10251"]

    def test_quotes_of_qupath_are_understood(self, tmp_path):
        files = {f"{'ab'[n % 2]}/S{n // 2} 1.svs [x={n * 8},y=0,w=8,h=8].png": image(n) for n in range(6)}
        source = folder_of(tmp_path / "tiles", files)
        assert any(r"regex:([^/]+) \[" in note for note in import_images(source, tmp_path / "a").notes)
        import_images(source, tmp_path / "b", Options(slide_from=r"regex:([^/]+) \["))
        assert slides(tmp_path / "b", 6) == [f"S{n // 2} 1.svs" for n in range(6)]
        assert "coord_y,coord_x,wsi,file" in (tmp_path / "b" / "patches_meta.csv").read_text()

    def test_tiles_of_one_image_stay_together(self, tmp_path):
        source = folder_of(tmp_path / "big", {f"{n}/{n}.png": image(n, side=17) for n in range(2)})
        imported = import_images(source, tmp_path / "data", Options(tile=8))
        assert imported.counts == {"patches": (4, 4)}
        assert slides(tmp_path / "data", 8) == ["0/0.png"] * 4 + ["1/1.png"] * 4

    @pytest.mark.parametrize("rule", ["folder:9", "regex:nothing([a-z])"])
    def test_an_image_without_a_slide_is_refused(self, tmp_path, rule):
        assert "have no slide" in refused(folder_of(tmp_path / "i", two_classes()), slide_from=rule)

    @pytest.mark.parametrize("rule", ["folder:0", "folder:x", "regex:(", "column:", "patient", "column:slide"])
    def test_what_is_no_rule_is_refused(self, tmp_path, rule):
        assert "--slide-from" in refused(folder_of(tmp_path / "i", two_classes()), slide_from=rule)

    def test_slides_in_two_splits_are_pointed_out(self, tmp_path):
        files = {f"{split}/{n % 2}/s1_{n}.png": image(n) for n in range(2) for split in ("train", "valid", "test")}
        options = Options(slide_from="regex:(s1)_")
        notes = import_images(folder_of(tmp_path / "images", files), tmp_path / "data", options).notes
        assert "slides: 1 are in both train and test" in notes


class TestLabels:
    def made(self, root: Path, table: str | bytes, count: int = 4, folder: str = "") -> tuple[Path, Path]:
        source = folder_of(root / "images", {f"{folder}{n:04}.tif": image(n, kind="TIFF") for n in range(count)})
        path = root / "labels.csv"
        path.write_bytes(table.encode() if isinstance(table, str) else table)
        return source, path

    def test_kaggles_layout_takes_one_option_that_the_refusal_names(self, tmp_path):
        source, table = self.made(tmp_path, "id,label\n0000,1\n0001,0\n0002,1\n0003,0\n", folder="train/")
        folder_of(source, {"test/9999.tif": image(9, kind="TIFF"), "sample_submission.csv": b"id,label\n"})
        table = table.rename(source / "train_labels.csv")
        assert f"--labels {table}" in refused(source)
        imported = import_images(source, tmp_path / "data", Options(labels=table))
        assert imported.counts == {"train": (2, 2)}
        assert labels(tmp_path / "data", TRAIN) == [1, 0, 1, 0]
        assert any("without a label" in line and "test/9999.tif" in line for line in imported.left_out.lines())

    @pytest.mark.parametrize(
        "table",
        [
            "path,label,slide,split\n0000.tif,no,s1,train\n0001.tif,yes,s1,train\n0002.tif,no,s2,val\n0003.tif,yes,s3,TEST\n",
            "\ufeffPath ; LABEL;slide;Split;\r\n.\\0000.tif; no ;s1;Training;\r\n0001.TIF;yes;s1;train;\r\n;;;;\r\n"
            "0002.tif;No;s2;validation;\r\n0003.tif;yes;s3;test;\r\n",
            "sep=;\npath;label;slide;split\n0000;no;s1;train\n0001;yes;s1;train\n0002;no;s2;dev\n0003;yes;s3;test\n",
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_tables_as_spreadsheets_write_them(self, tmp_path, table, encoding):
        source, path = self.made(tmp_path, table.encode(encoding))
        imported = import_images(source, tmp_path / "data", Options(labels=path))
        assert imported.classes == ("no", "yes")
        assert imported.counts == {"train": (1, 1), "valid": (1, 0), "test": (0, 1)}
        assert list(read_slides(split_files(tmp_path / "data", "train").meta, 2)) == ["s1", "s1"]

    def test_paths_may_begin_at_the_folder_at_the_table_or_at_the_root(self, tmp_path):
        source = folder_of(tmp_path / "images", two_classes(4))
        table = tmp_path / "labels.csv"
        table.write_text(f"path,label\n0/0.png,a\nimages/1/1.png,b\n{source}/0/2.png,a\n3,b\n")
        import_images(source, tmp_path / "data", Options(labels=table))
        assert labels(tmp_path / "data") == [0, 1, 0, 1]

    def test_a_column_of_files_counts_before_numbers_of_rows_that_are_names_of_other_images(self, tmp_path):
        source = folder_of(tmp_path / "images", {f"{n}.png": image(n) for n in (1, 2, 3, 4)})
        (tmp_path / "l.csv").write_text("id,filename,label\n0,1.png,a\n1,2.png,b\n2,3.png,a\n3,4.png,b\n")
        imported = import_images(source, tmp_path / "data", Options(labels=tmp_path / "l.csv"))
        assert (shades(tmp_path / "data"), labels(tmp_path / "data")) == ([1, 2, 3, 4], [0, 1, 0, 1])
        assert not any("name no image" in note for note in imported.notes)

    def test_labels_of_images_in_a_tar(self, tmp_path):
        path = tar_of(tmp_path / "set.tar", [(f"x/{n}.png", image(n)) for n in range(4)])
        (tmp_path / "labels.csv").write_text("id,label\n0,0.0\n1.png,1.0\nx/2.png,0.0\n3,1.0\n")
        assert import_images(path, tmp_path / "data", Options(labels=tmp_path / "labels.csv")).classes == ("0", "1")
        assert labels(tmp_path / "data") == [0, 1, 0, 1]

    def test_rows_and_images_without_each_other_are_said(self, tmp_path):
        source, path = self.made(tmp_path, "id,label\n0000,0\n0001,1\n0001,1\n7777,1\n0002,\n")
        imported = import_images(source, tmp_path / "data", Options(labels=path))
        assert imported.counts == {"patches": (1, 1)}
        assert [counts.total() for counts in imported.left_out.details.values()] == [2]
        assert any("1 of 5 rows" in note and "7777" in note for note in imported.notes)
        assert any("1 rows" in note and "repeat" in note for note in imported.notes)

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            ("", "no column 'path'"),
            ("id;value\n0000;1\n", "no column 'label'"),
            ("id,label\n", "has no rows"),
            ("id,label\n0000,0\n0000,1\n0001,1\n", "line 3: 0000 is 1; line 2 says 0"),
            ("id,label\n0000,0\n0000.tif,1\n", "line 3: 0000.tif is 1; line 2 says 0"),
            ("id,label\nzz,0\nyy,1\n", "none of its 2 rows"),
            ("id,label,split\n0000,a,fold1\n", "fold1 is no split"),
            ("id,label\n,a\n", "names no image"),
            (b"id,label\n\xff\xfe,a\n", "UTF-8"),
            ('id,label\n"' + "x" * 200_000 + '",a\n', "not a CSV file"),
        ],
    )
    def test_tables_that_say_nothing_or_two_things_are_refused(self, tmp_path, table, words):
        source, path = self.made(tmp_path, table)
        assert words in refused(source, labels=path)

    def test_a_name_that_several_images_have_is_refused(self, tmp_path):
        source = folder_of(tmp_path / "images", {"a/1.png": image(1), "b/1.png": image(2)})
        (tmp_path / "l.csv").write_text("id,label\n1,0\n")
        assert "names 2 images" in refused(source, labels=tmp_path / "l.csv")

    def test_a_word_for_a_missing_label_is_no_class(self, tmp_path):
        source, path = self.made(tmp_path, "id,label\n0000,0\n0001,1\n0002,nan\n0003,NaN\n")
        assert "2 images have the label nan, which stands for a missing one" in refused(source, labels=path)
        imported = import_images(source, tmp_path / "data", Options(labels=path, classes="0,1"))
        assert imported.counts == {"patches": (1, 1)}

    def test_numbers_are_in_the_order_of_their_values(self, tmp_path):
        source, path = self.made(tmp_path, "id,label\n0000,1\n0001,-1\n0002,1\n0003,-1\n")
        assert import_images(source, tmp_path / "data", Options(labels=path)).classes == ("-1", "1")
        assert labels(tmp_path / "data") == [1, 0, 1, 0]

    def test_another_column_that_may_name_patients_is_pointed_out(self, tmp_path):
        source, path = self.made(tmp_path, "id,label,patient,slide\n0000,0,p,1\n0001,1,p,2\n0002,0,q,3\n0003,1,q,4\n")
        told = "\n".join(import_images(source, tmp_path / "data", Options(labels=path)).notes)
        assert "slides: as column slide of " in told
        assert "--slide-from column:patient takes that column" in told
        chosen = import_images(source, tmp_path / "other", Options(labels=path, slide_from="column:patient"))
        assert chosen.slides == {"patches": 2}
        assert "as column" not in "\n".join(chosen.notes)

    def test_columns_that_are_not_used_are_named(self, tmp_path):
        table = ",id,label,slide_no,\n0,0000,0,s1,\n1,0001,1,s1,\n2,0002,0,s2,\n3,0003,1,s2,\n"
        source, path = self.made(tmp_path, table)
        told = "\n".join(import_images(source, tmp_path / "data", Options(labels=path)).notes)
        assert (
            f"labels: columns of {path} are not used (slide_no); --slide-from column:NAME takes one as the slides"
            in told
        )
        chosen = import_images(source, tmp_path / "other", Options(labels=path, slide_from="column:slide_no"))
        assert chosen.slides == {"patches": 2}
        assert "not used" not in "\n".join(chosen.notes)

    def test_patients_in_two_spellings_are_pointed_out_and_those_of_two_encodings_are_one(self, tmp_path):
        names = ("P1", "p 1", "\u00e9", "e\u0301")
        rows = [f"000{n},{n % 2},{name}" for n, name in enumerate(names)]
        source, path = self.made(tmp_path, "\n".join(["id,label,patient", *rows]))
        imported = import_images(source, tmp_path / "data", Options(labels=path))
        assert imported.slides == {"patches": 3}
        assert any("P1 and p 1 count as different" in note for note in imported.notes)

    def test_a_column_of_patients(self, tmp_path):
        source, path = self.made(tmp_path, "id,label,Patient No\n0000,0,p1\n0001,1,p2\n0002,0,p1\n0003,1,p2\n")
        import_images(source, tmp_path / "data", Options(labels=path, slide_from="column:patient no"))
        assert slides(tmp_path / "data", 4) == ["p1", "p2", "p1", "p2"]
        assert "--slide-from" in refused(source, labels=path, slide_from="column:ward")


def test_names_that_are_no_text_are_shown_and_kept(tmp_path):
    source = tmp_path / "images"
    for n in range(2):
        folder = Path(str(source)) / (b"t\xff\n" if n else b"a").decode("utf-8", "surrogateescape")
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(image(n))
    imported = import_images(source, tmp_path / "data")
    assert imported.classes == read_description(tmp_path / "data").classes == ("a", r"t\xff\n")
    assert shades(tmp_path / "data") == [0, 1]
