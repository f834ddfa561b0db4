from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.hpo import Hpo
from tests.slides.pictures import painted, save


@pytest.fixture
def hpo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hpo:
    from hpo import terminal

    for one in (terminal.out, terminal.err):
        monkeypatch.setattr(one, "_width", 240)
    return Hpo(monkeypatch, capsys)


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    folder = tmp_path / "slides"
    folder.mkdir()
    for number in range(2):
        save(folder / f"s{number}.png", painted(300, 400, (48, 48, 250, 350), (96, 120, 168, 216)))
    (folder / "slides.csv").write_text("slide,label\ns0,0\ns1,1\n", encoding="utf-8")
    return folder


def test_slides_become_a_data_set_that_is_checked(hpo: Hpo, slides: Path, tmp_path: Path) -> None:
    wanted = ("--labels", slides / "slides.csv", "--patch-size", 24, "--level-mpp", 0.972, "-o", tmp_path / "data")
    ended = hpo("tile", slides, *wanted)
    assert (ended.status, ended.err) == (0, "")
    assert "2 slides" in ended.out
    checked = json.loads(hpo("data", "check", tmp_path / "data", "--json").out)
    assert checked["splits"][0]["slides"] == 2
    told = json.loads(hpo("tile", slides, *wanted, "--overwrite", "--balance", "equal", "--json").out)
    assert abs(told["splits"]["patches"][0] - told["splits"]["patches"][1]) <= 1


def test_what_cannot_be_done_is_refused(hpo: Hpo, slides: Path, tmp_path: Path) -> None:
    labels = ("--labels", slides / "slides.csv")
    assert "must be three shares" in hpo.refused("tile", slides, *labels, "-o", tmp_path / "d", "--split", "50,50")
    assert "no such file" in hpo.refused("tile", tmp_path / "none", *labels, "-o", tmp_path / "d")
    (slides / "more").mkdir()
    save(slides / "more/s0.png", painted(300, 400, (48, 48, 250, 350)))
    assert "s0: is the name of two slides" in hpo.refused("tile", slides, *labels, "-o", tmp_path / "d")
