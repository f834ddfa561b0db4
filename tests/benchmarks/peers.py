"""The same small task for Optuna, KerasTuner, Ray Tune and us: lines to write, and what kill -9 costs.

    .venv/bin/python -m tests.benchmarks.peers [--trials 8] [--epochs 4] [--kill-after 14]

Each program of `examples/compare` tunes learning rate, width, depth and dropout of one network on 400 drawn patches. It
is killed with SIGKILL, children included, when it has begun so many epochs, and started again with the same command.
Whatever trains notes each epoch that it begins: settings and epoch, of ours the patch order too, so that what was begun
twice can be counted.

| column | what |
|---|---|
| lines | that the user writes beside the network, which all four share: neither blank, comment nor docstring |
| files | beside those that all four share |
| killed at | epochs begun when it was killed |
| epochs | begun in both runs together |
| twice | of these, how many had been begun before with the same settings |
| second run | how it ended |

A peer's program says what its documentation advises for a run that may be killed. The epoch that the kill interrupts is
begun twice by all that go on at all.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from hpo.data.synthetic import make_sample

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "examples" / "compare"

PROBE = """

def _watch():
    '''Notes every epoch that begins, whoever trains.'''
    import functools, hashlib, os, sys

    def note(model, *what):
        shapes = [tuple(variable.shape) for variable in model.trainable_variables]
        rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
        text = repr((shapes, rates, what))
        with open(os.environ["EPOCHS"], "a") as file:
            file.write(hashlib.sha256(text.encode()).hexdigest() + "\\n")

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            note(self.model, round(float(self.model.optimizer.learning_rate.numpy()), 9), epoch)

    fit = keras.Model.fit

    @functools.wraps(fit)
    def watched_fit(self, *args, callbacks=None, **options):
        return fit(self, *args, callbacks=[*(callbacks or ()), Watch()], **options)

    keras.Model.fit = watched_fit
    if "hpo" in sys.modules:
        from hpo.training.epoch import EpochFunction

        train = EpochFunction.train

        @functools.wraps(train)
        def watched_train(self, patches, labels, draws, rates):
            note(self.network.model, draws.order.tolist(), rates.tolist())
            return train(self, patches, labels, draws, rates)

        EpochFunction.train = watched_train


_watch()
"""


@dataclass(frozen=True)
class Rival:
    """A program that searches.

    Args:
        name: whose it is.
        files: that a user writes, beside the shared ones.
        command: arguments of Python, in the folder of the files.
    """

    name: str
    files: tuple[str, ...]
    command: tuple[str, ...]

    @property
    def lines(self) -> int:
        """Lines of its files that are neither blank nor comments; the docstring is one."""
        shared = () if self.name == "hpo" else ("patches.py",)
        return sum(_count(PROGRAMS / file) for file in (*self.files, *shared))


@dataclass(frozen=True)
class Outcome:
    """What became of a killed search.

    Args:
        killed_at: epochs begun when it was killed.
        epochs: begun in both runs together.
        twice: of these, begun before with the same settings.
        exit_code: of the second run.
        last_line: that the second run printed.
    """

    killed_at: int
    epochs: int
    twice: int
    exit_code: int
    last_line: str


def rivals(trials: int, epochs: int) -> list[Rival]:
    """All four, asked for so many trials of so many epochs."""
    peers = (("Optuna", "by_optuna.py"), ("KerasTuner", "by_keras_tuner.py"), ("Ray Tune", "by_ray.py"))
    found = [Rival(name, (file,), (file, "data", "out", str(trials), str(epochs))) for name, file in peers]
    return [*found, Rival("hpo", ("study.yaml", "space.yaml"), ("-m", "hpo", "run", "study.yaml"))]


def kill_and_restart(rival: Rival, folder: Path, kill_after: int) -> Outcome:
    """Runs a program, kills it and all its children after so many epochs, and runs it again to its end.

    Args:
        rival: whose program.
        folder: of the copied programs, with ``data`` in it.
        kill_after: epochs begun.
    """
    log = folder / "epochs.txt"
    log.touch()
    environment = os.environ | {"EPOCHS": str(log), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": _path()}
    command = [sys.executable, *rival.command]
    with (folder / "first.log").open("w") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        while len(_notes(log)) < kill_after and process.poll() is None:
            time.sleep(0.02)
        if process.poll() is not None:
            text = f"{rival.name} ended before it could be killed, with exit code {process.returncode}"
            raise SystemExit(f"{text}:\n{(folder / 'first.log').read_text()[-2000:]}")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if rival.name == "Ray Tune":  # its servers are in sessions of their own
        subprocess.run(
            [str(Path(sys.executable).with_name("ray")), "stop", "--force"], capture_output=True, check=False
        )
    killed_at = len(_notes(log))
    again = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    (folder / "second.log").write_text(again.stdout + again.stderr)
    notes = _notes(log)
    lines = [line for line in (again.stdout if not again.returncode else again.stderr).splitlines() if line.strip()]
    twice = sum(number - 1 for number in Counter(notes).values())
    return Outcome(killed_at, len(notes), twice, again.returncode, lines[-1] if lines else "")


def prepare(folder: Path, epochs: int) -> None:
    """Copies the programs beside a link to the patches, with a network that notes its epochs."""
    shutil.copytree(PROGRAMS, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    with (folder / "net.py").open("a") as file:
        file.write(PROBE)
    study = yaml.safe_load((folder / "study.yaml").read_text())
    study["dashboard"] = str(ROOT / "dashboards" / "full.yaml")
    study["stage2"]["epochs"] = study["confirm"]["epochs"] = epochs
    (folder / "study.yaml").write_text(yaml.safe_dump(study))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--kill-after", type=int, default=14)
    parser.add_argument("--only", choices=[rival.name for rival in rivals(1, 1)])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary, "data")
        make_sample(data, train=400, valid=200, test=200, patch_size=32)
        print("| | lines | files | killed at | epochs | twice | second run |\n|---|---|---|---|---|---|---|")
        for rival in rivals(arguments.trials, arguments.epochs):
            if arguments.only not in (None, rival.name):
                continue
            folder = Path(temporary, rival.name.replace(" ", "_"))
            prepare(folder, arguments.epochs)
            (folder / "data").symlink_to(data)
            found = kill_and_restart(rival, folder, arguments.kill_after)
            ended = "ended well" if found.exit_code == 0 else f"failed: {found.last_line[:120]}"
            row = (rival.lines, len(rival.files), found.killed_at, found.epochs, found.twice, ended)
            print(f"| {rival.name} |", " | ".join(map(str, row)), "|", flush=True)


def _count(file: Path) -> int:
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    lines: set[int] = set()
    for node in ast.parse(text).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_docstring:
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    written = text.splitlines()
    return sum(1 for number in lines if written[number - 1].strip())


def _notes(log: Path) -> list[str]:
    return log.read_text(encoding="ascii").split()


def _path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


if __name__ == "__main__":
    main()
