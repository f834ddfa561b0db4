"""Kind 1: an import gives an account of every file, and writes all or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hpo.data.images import staging
from hpo.data.images.importing import Options, import_images
from hpo.data.meta import read_files
from hpo.data.pcam import SplitWriter, split_files
from hpo.errors import DataError
from tests.data.images.made import folder_of, image, labels, shades, tar_of, two_classes, zip_of


def left_out(source: Path, destination: Path, **options: object) -> dict[str, int]:
    imported = import_images(source, destination, Options(**options))
    assert imported.files == imported.images + imported.left_out.total
    return {reason.partition(",")[0]: counts.total() for reason, counts in imported.left_out.details.items()}


def test_every_file_that_is_no_image_is_counted_by_reason(tmp_path):
    files = two_classes() | {"0/a.gif": b"", "0/b.gif": b"", "notes.txt": b"", "0/inner.tar.zst": b"", "1/.x.png": b""}
    source = folder_of(
        tmp_path / "images", files | {"1/Thumbs.db": b"", "0/@eaDir/1.png/thumb.jpg": b"", "__MACOSX/0/._1.png": b""}
    )
    os.mkfifo(source / "0" / "pipe.png")
    (source / "1" / "link.png").symlink_to("1.png")
    assert left_out(source, tmp_path / "data") == {
        "files with another suffix than an image's": 3,
        "archives of a kind that is not read here; unpack them": 1,
        "hidden or system files": 4,
        "not regular files": 1,
        "links": 1,
    }


def test_the_account_names_suffixes_and_examples(tmp_path):
    source = folder_of(tmp_path / "images", two_classes() | {"0/a.gif": b"", "1/b.svs": b""})
    (line,) = import_images(source, tmp_path / "data").left_out.lines()
    assert "(.gif: 1, .svs: 1)" in line
    assert "a.gif" in line


def test_links_are_followed_where_asked_and_end(tmp_path):
    real = folder_of(tmp_path / "real", two_classes())
    source = tmp_path / "links"
    source.mkdir()
    for kind in "01":
        (source / kind).symlink_to(real / kind)
    (real / "0" / "loop").symlink_to(real)
    with pytest.raises(DataError, match="--follow-links"):
        import_images(source, tmp_path / "data")
    assert import_images(source, tmp_path / "data", Options(follow_links=True)).counts == {"patches": (2, 2)}


def test_a_folder_that_links_lead_to_again_is_left_out_by_name(tmp_path):
    source = folder_of(tmp_path / "images", two_classes())
    (source / "train").mkdir()
    for kind in "01":
        (source / "train" / kind).symlink_to(source / kind)
    assert left_out(source, tmp_path / "data", follow_links=True) == {"folders that links lead to a second time": 2}


def test_a_file_that_cannot_be_read_is_no_copy_of_an_archives_member(tmp_path, monkeypatch):
    source = folder_of(tmp_path / "images", two_classes())
    zip_of(source / "again.zip", two_classes())
    read_bytes = Path.read_bytes

    def reading(path: Path) -> bytes:
        if path.name == "0.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", reading)
    with pytest.raises(DataError, match=r"0\.png: cannot be read: Permission denied"):
        import_images(source, tmp_path / "data")
    assert left_out(source, tmp_path / "data", skip_damaged=True) == {
        "copies of an image of the same name": 3,
        "damaged images": 1,
    }


def test_archives_have_an_account_too(tmp_path):
    path = tmp_path / "set.tar"
    tar_of(path, [(f"../{name}", content) for name, content in two_classes().items()])
    with tarfile.open(path, "a") as tar:
        for name, kind, target in (
            ("1/hard.png", tarfile.LNKTYPE, "../1/3.png"),
            ("1/soft.png", tarfile.SYMTYPE, "/etc/passwd"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            tar.addfile(member)
        tar.addfile(tarfile.TarInfo("0/inner.zip"))
    assert left_out(path, tmp_path / "data") == {
        "links": 1,
        "archives inside an archive": 1,
    }
    assert labels(tmp_path / "data") == [0, 1, 0, 1, 1]


@pytest.mark.parametrize("suffix", [".tar", ".tgz"])
def test_the_last_of_a_tars_members_of_one_name_counts(tmp_path, suffix):
    files = [*two_classes().items(), ("1/1.png", image(200))]
    assert left_out(tar_of(tmp_path / f"set{suffix}", files), tmp_path / "data") == {
        "members that a later one of the same name in the archive replaces": 1
    }
    assert shades(tmp_path / "data") == [0, 200, 2, 3]


@pytest.mark.parametrize("archive", ["train.tar.gz", "train.zip"])
def test_images_that_are_both_unpacked_and_in_their_archive_are_taken_once(tmp_path, archive):
    source = folder_of(tmp_path / "both", {f"train/{name}": content for name, content in two_classes().items()})
    files = two_classes() | {"0/9.png": image(9)}
    tar_of(source / archive, list(files.items())) if "tar" in archive else zip_of(source / archive, files)
    assert sum(left_out(source, tmp_path / "data").values()) == 4
    assert shades(tmp_path / "data", "camelyonpatch_level_2_split_train") == [0, 1, 2, 3, 9]


def test_images_of_one_name_but_other_pixels_are_all_taken(tmp_path):
    for part, first in (("a", 0), ("b", 10)):
        (tmp_path / "parts").mkdir(exist_ok=True)
        files = [(f"{n % 2}/{n}.bmp", image(n + first, kind="BMP")) for n in range(4)]
        tar_of(tmp_path / "parts" / f"{part}.tar", files)
    assert left_out(tmp_path / "parts", tmp_path / "data", classes="0,1") == {}
    assert sorted(shades(tmp_path / "data")) == [0, 1, 2, 3, 10, 11, 12, 13]


def test_repeats_are_counted_within_and_across_splits_and_between_classes(tmp_path):
    files = {"train/0/a.png": image(1), "train/0/b.png": image(1), "train/1/c.png": image(2), "test/0/d.png": image(3)}
    files |= {"test/1/e.png": image(2), "valid/0/f.png": image(4), "valid/1/g.png": image(4)}
    repeats = import_images(folder_of(tmp_path / "images", files), tmp_path / "data").repeats
    assert repeats.within == {"train": 1, "valid": 1, "test": 0}
    assert repeats.across[("train", "test")] == 1
    assert repeats.both_labels == 2


def test_the_table_says_which_image_became_which_row(tmp_path):
    source = folder_of(tmp_path / "images", {"0/2.png": image(2), "1/1.png": image(1)})
    tar_of(source / "more.tar", [("1/3.png", image(3))])
    import_images(source, tmp_path / "data", Options(classes="0,1"))
    files = read_files(split_files(tmp_path / "data", "patches").meta, 3)
    assert list(files) == ["1/1.png", "0/2.png", "more.tar!1/3.png"]


BAD = {
    "empty": (b"", "empty, 0 bytes"),
    "page": (b"<html>404</html>", "a web page"),
    "cut": (image(1)[:46], "damaged"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
    "pdf": (b"%PDF-1.4", "a PDF"),
}


def test_all_damaged_images_are_named_in_one_run(tmp_path):
    files = (
        two_classes() | {f"1/{name}.png": content for name, (content, _) in BAD.items()} | {"0/x.png": image(1, side=9)}
    )
    with pytest.raises(DataError) as error:
        import_images(folder_of(tmp_path / "images", files), tmp_path / "data")
    *lines, summary = str(error.value).splitlines()
    for name, (_, words) in BAD.items():
        assert any(f"{name}.png" in line and words in line for line in lines)
    assert any("9 x 9 pixels" in line for line in lines)
    assert summary.startswith("6 of 10 images cannot be taken")
    assert not (tmp_path / "data").exists()


def test_at_most_twenty_are_named(tmp_path):
    files = two_classes() | {f"1/b{n}.png": b"" for n in range(30)}
    with pytest.raises(DataError) as error:
        import_images(folder_of(tmp_path / "images", files), tmp_path / "data")
    assert len(str(error.value).splitlines()) == 22
    assert "... and 10 more" in str(error.value)


@pytest.mark.parametrize("at_once", [1, 256])
def test_damaged_images_are_left_out_where_asked(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr("hpo.data.images.reading.BATCH", at_once)
    files = two_classes(8) | {f"1/2_{name}.png": content for name, (content, _) in BAD.items()}
    source = folder_of(tmp_path / "images", files)
    assert left_out(source, tmp_path / "data", skip_damaged=True) == {"damaged images": 5}
    assert shades(tmp_path / "data") == list(range(8))
    assert labels(tmp_path / "data") == [0, 1] * 4
    assert list(read_files(split_files(tmp_path / "data", "patches").meta, 8))[1] == "1/1.png"


def test_images_of_the_commonest_size_stay_where_others_are_left_out(tmp_path):
    files = two_classes() | {"0/00.png": image(9, side=5)}
    assert left_out(folder_of(tmp_path / "i", files), tmp_path / "data", skip_damaged=True) == {
        "images of another size": 1
    }


def test_rows_that_nothing_was_written_to_are_an_error(tmp_path):
    with pytest.raises(DataError, match="1 of 2 patches were never written"):  # noqa: SIM117
        with SplitWriter(split_files(tmp_path, "patches"), 2, 8) as writer:
            writer.write(0, [[[[1, 1, 1]] * 8] * 8], [1])
    assert not list(tmp_path.iterdir())


class TestReplacing:
    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".npz"))

    def test_another_data_set_is_replaced_whole(self, tmp_path):
        three = {f"{split}/{n}": c for split in ("train", "valid", "test") for n, c in two_classes().items()}
        import_images(folder_of(tmp_path / "three", three), tmp_path / "data")
        (tmp_path / "data" / "notes.txt").write_text("mine")
        one = folder_of(tmp_path / "one", two_classes())
        with pytest.raises(DataError, match="--overwrite"):
            import_images(one, tmp_path / "data")
        import_images(one, tmp_path / "data", Options(overwrite=True))
        assert self.names(tmp_path / "data") == [
            "dataset.json",
            "notes.txt",
            "patches_meta.csv",
            "patches_x.h5",
            "patches_y.h5",
        ]

    def test_a_refused_import_leaves_the_former_data_set(self, tmp_path):
        import_images(folder_of(tmp_path / "old", two_classes()), tmp_path / "data")
        before = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
        new = folder_of(tmp_path / "new", two_classes(first=10) | {"0/bad.png": b""})
        with pytest.raises(DataError, match="empty"):
            import_images(new, tmp_path / "data", Options(overwrite=True))
        assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == before

    def test_a_disk_that_fails_while_files_take_their_places_leaves_the_former_data_set(self, tmp_path, monkeypatch):
        import_images(folder_of(tmp_path / "old", two_classes()), tmp_path / "data")
        before = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
        rename, stage = Path.replace, f".import.{os.getpid()}.part"

        def failing(path: Path, target: Path) -> Path:
            if path.parent.name == stage and path.name == "patches_y.h5" and target.parent == tmp_path / "data":
                raise OSError(5, "Input/output error", str(path))
            return rename(path, target)

        monkeypatch.setattr(Path, "replace", failing)
        with pytest.raises(DataError, match="Input/output error"):
            import_images(folder_of(tmp_path / "new", two_classes(6, 9)), tmp_path / "data", Options(overwrite=True))
        assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == before

    @pytest.mark.parametrize(("kill_at", "expected"), [("before", [0, 1, 2, 3]), ("after", [9, 10])])
    def test_the_next_import_cleans_up_after_a_killed_one(self, tmp_path, kill_at, expected):
        import_images(folder_of(tmp_path / "old", two_classes()), tmp_path / "data")
        new = folder_of(tmp_path / "new", two_classes(2, 9))
        code = (
            "import os, signal, sys; from pathlib import Path; from hpo.data.images import staging; "
            "from hpo.data.images.importing import Options, import_images\n"
            "def kill(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
            f"setattr(staging, {'_swap' if kill_at == 'before' else '_complete'!r}, kill)\n"
            f"import_images(Path({str(new)!r}), Path({str(tmp_path / 'data')!r}), Options(overwrite=True))"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
        with staging.staged(tmp_path / "data", overwrite=True):
            assert shades(tmp_path / "data") == expected
            assert len(list((tmp_path / "data").glob(".import.*"))) == 1

    def test_two_imports_into_one_folder_do_not_meet(self, tmp_path):
        with staging.staged(tmp_path / "data", overwrite=False), pytest.raises(DataError, match="another import"):
            import_images(folder_of(tmp_path / "i", two_classes()), tmp_path / "data")


class TestArchives:
    def test_a_zip_of_windows_has_folders(self, tmp_path):
        path = zip_of(tmp_path / "set.zip", two_classes())
        path.write_bytes(path.read_bytes().replace(b"0/", b"0\\").replace(b"1/", b"1\\"))
        assert import_images(path, tmp_path / "data").counts == {"patches": (2, 2)}

    def test_zips_of_a_folder_are_splits_in_any_case(self, tmp_path):
        (tmp_path / "zips").mkdir()
        for name in ("TRAIN.ZIP", "my-Val.zip", "Testing.zip"):
            zip_of(tmp_path / "zips" / name, two_classes())
        assert list(import_images(tmp_path / "zips", tmp_path / "data").counts) == ["train", "valid", "test"]

    def test_encrypted_members_are_named(self, tmp_path):
        path = zip_of(tmp_path / "set.zip", two_classes())
        content = bytearray(path.read_bytes())
        content[content.rfind(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match="encrypted"):
            import_images(path, tmp_path / "data")

    @pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.xz"])
    def test_what_is_no_archive_is_refused(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"no archive" * 100)
        with pytest.raises(DataError, match=r"not a (zip|tar)"):
            import_images(tmp_path / name, tmp_path / "data")

    def test_a_zstandard_tar_is_to_be_unpacked(self, tmp_path):
        (tmp_path / "set.tar.zst").write_bytes(b"")
        with pytest.raises(DataError, match="unpack it first"):
            import_images(tmp_path / "set.tar.zst", tmp_path / "data")

    def test_a_tar_that_ends_early_or_goes_on_after_its_end_is_refused(self, tmp_path):
        path = tar_of(tmp_path / "set.tar", list(two_classes().items()))
        whole = path.read_bytes()
        for content, words in (
            (whole[: 4 * 1024], "truncated"),
            (whole[:1024] + b"\xff" * 512 + whole[1536:], "damaged after byte 1,024"),
            (whole + whole, "several tars"),
        ):
            path.write_bytes(content)
            with pytest.raises(DataError, match=words):
                import_images(path, tmp_path / "data")
