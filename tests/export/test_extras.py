"""An option whose packages are missing says what to install, before anything is done."""

from __future__ import annotations

import re
import sys

import pytest

from hpo.cli.app import main
from hpo.export.extras import Extra, require_extra


@pytest.mark.parametrize("extra", ["onnx", "mlflow", "tensorboard"])
def test_with_everything_installed_nothing_is_said(extra: Extra) -> None:
    require_extra(extra)


@pytest.mark.parametrize(
    ("option", "missing", "packages"),
    [
        ("--onnx", ["tf2onnx", "onnxruntime"], "tf2onnx onnxruntime"),
        ("--mlflow=sqlite:///x.db", ["mlflow"], "mlflow-skinny"),
        ("--tensorboard=logs", ["tensorboard"], "tensorboard"),
    ],
)
def test_missing_packages_are_named_with_the_extra_that_has_them(
    option: str,
    missing: list[str],
    packages: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sys, "argv", ["hpo", "export", "no-such-study.yaml", option])
    with pytest.raises(SystemExit, match="2"):
        main()
    extra = re.match(r"--(\w+)", option)
    assert extra is not None
    (line,) = capsys.readouterr().err.splitlines()
    name = extra.group(1)
    assert line == f"hpo: --{name} needs {packages}: pip install {packages} (this package's extra [{name}])"
