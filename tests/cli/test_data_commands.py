from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from hpo.cli.data import app
from hpo.data import fetch
from hpo.data.dataset import open_dataset
from hpo.errors import DataError
from tests.cli.hpo import Hpo


def hpo_data(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def sample(folder: Path, *more: object) -> Result:
    sizes = ("--train", 6, "--valid", 4, "--test", 2, "--patch-size", 32, "--processes", 1)
    return hpo_data("sample", folder, *sizes, *more)


def test_sample_makes_a_data_set_and_says_so_in_one_line(tmp_path):
    result = sample(tmp_path / "made")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{tmp_path / 'made'}: 6 training, 4 validation and 2 test patches of 32 pixels"
    ]
    assert len(open_dataset(tmp_path / "made", patch_size=32).train) == 6


def test_sample_replaces_a_data_set_only_when_told_to(tmp_path):
    sample(tmp_path / "made")
    before = open_dataset(tmp_path / "made", patch_size=32).digest
    refused = sample(tmp_path / "made", "--seed", 1)
    assert isinstance(refused.exception, DataError)
    assert "--overwrite" in str(refused.exception)
    assert open_dataset(tmp_path / "made", patch_size=32).digest == before
    assert sample(tmp_path / "made", "--seed", 1, "--overwrite").exit_code == 0
    assert open_dataset(tmp_path / "made", patch_size=32).digest != before


@pytest.mark.parametrize("wrong", [("--train", 1), ("--patch-size", 5), ("--seed", -1)])
def test_sample_refuses_impossible_numbers(tmp_path, wrong):
    assert sample(tmp_path / "made", *wrong).exit_code == 2
    assert not (tmp_path / "made").exists()


def test_check_prints_a_table_and_ends_well_on_sound_data(tmp_path):
    sample(tmp_path / "made")
    result = hpo_data("check", tmp_path / "made", "--preview", tmp_path / "sheet.png")
    assert result.exit_code == 0
    assert "train" in result.output
    assert "no problems" in result.output
    assert Image.open(tmp_path / "sheet.png").format == "PNG"


def test_check_prints_json_for_machines(tmp_path):
    sample(tmp_path / "made")
    report = json.loads(hpo_data("check", tmp_path / "made", "--json").output)
    assert [split["patches"] for split in report["splits"]] == [6, 4, 2]
    assert report["problems"] == []


def test_check_ends_with_1_and_names_the_file_when_something_is_wrong(tmp_path):
    sample(tmp_path / "made")
    (tmp_path / "made" / "camelyonpatch_level_2_split_valid_y.h5").write_bytes(b"")
    result = hpo_data("check", tmp_path / "made")
    assert result.exit_code == 1
    assert "problem:" in result.output
    assert "valid_y.h5" in result.output


def test_import_converts_class_folders(tmp_path):
    for kind, shade in (("healthy", 10), ("cancer", 20)):
        (tmp_path / "images" / kind).mkdir(parents=True)
        Image.new("RGB", (16, 16), (shade, shade, shade)).save(tmp_path / "images" / kind / "1.png")
    result = hpo_data("import", tmp_path / "images", tmp_path / "data", "--classes", "healthy,cancer")
    assert result.exit_code == 0
    assert "label 0 (healthy)" in result.output
    assert "label 1 (cancer)" in result.output
    assert (tmp_path / "data" / "patches_x.h5").exists()


def test_import_gives_an_account_in_words_and_as_json(tmp_path):
    for number in range(4):
        path = tmp_path / "images" / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (number, 0, 0)).save(path)
    (tmp_path / "images" / "notes.txt").write_text("left out")
    words = hpo_data("import", tmp_path / "images", tmp_path / "words").output
    assert "files found: 5; images taken: 4; left out: 1" in words
    assert "notes.txt" in words
    assert "slides: unknown" in words
    account = json.loads(hpo_data("import", tmp_path / "images", tmp_path / "json", "--json").output)
    assert account["patches"] == {"patches": {"0": 2, "1": 2}}
    assert account["left_out"][0]["details"] == {".txt": 1}
    assert account["repeats"] == {"within": {"patches": 0}, "across": [], "both_labels": 0}


def test_import_passes_on_what_is_wrong(tmp_path):
    result = hpo_data("import", tmp_path, tmp_path / "data")
    assert isinstance(result.exception, DataError)


def test_fetch_takes_the_official_files_from_another_server(tmp_path, monkeypatch):
    (tmp_path / "served").mkdir()
    content = gzip.compress(b"patches")
    (tmp_path / "served" / "a.h5.gz").write_bytes(content)
    listed = fetch.RemoteFile("a.h5.gz", len(content), 7, hashlib.sha256(content).hexdigest(), "valid")
    monkeypatch.setattr(fetch, "PCAM_FILES", (listed,))
    handler = partial(_Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        result = hpo_data("fetch", "pcam", tmp_path / "data", "--base-url", url, "--split", "valid")
        server.shutdown()
    assert result.exit_code == 0, result.exception
    assert (tmp_path / "data" / "a.h5").read_bytes() == b"patches"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keeps the tests' output clean."""


def test_fetch_knows_pcam_only(tmp_path):
    assert hpo_data("fetch", "imagenet", tmp_path).exit_code == 2


def test_help_needs_none_of_the_heavy_libraries():
    code = (
        "import sys; from typer.testing import CliRunner; from hpo.cli.data import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'scipy', 'h5py', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_preview_is_drawn_over_a_picture_and_over_nothing_else(hpo: Hpo, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    line = hpo.refused("data", "check", tmp_path / "data", "--preview", thesis)
    assert line == f"--preview {thesis} already exists and is not a PNG; name another file, or remove it first"
    assert thesis.read_text() == "years of work"
    picture = tmp_path / "preview.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "--preview" not in hpo.refused("data", "check", tmp_path / "data", "--preview", picture)
