"""A study on a real Slurm: a cluster of one node is started, disturbed as clusters are, and stopped again.

    apt-get install slurm-wlm munge     # Debian's
    python tests/benchmarks/slurm_cluster.py

Needs root, for Slurm's daemons; touches nothing outside a temporary folder. Takes about three minutes on two cores and
prints, for each disturbance, how the launch ended, how many workers trained (one that comes back is a new one), how
many design points were still held, how many accepted results are those of the undisturbed study, and what was said.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.end_to_end.conftest import Project
from tests.end_to_end.outcome import points, rows
from tests.launchers.longer import long_project, trained, wait_for

LAUNCH = ("launch", "study.yaml", "--on", "slurm", "--set", "partition=debug", "--until", "stage1")

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=10
NodeName={host} NodeAddr=127.0.0.1 CPUs=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=debug Nodes={host} Default=YES PriorityTier=1
PartitionName=urgent Nodes={host} PriorityTier=2
"""


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """A Slurm of one node with two CPUs, for as long as the block runs."""
    folder.chmod(0o755)  # munged insists
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    ports = _free_ports(2)
    text = CONFIGURATION.format(host=socket.gethostname(), folder=folder, controller=ports[0], node=ports[1])
    (folder / "slurm.conf").write_text(text)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        files = {name: f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "seed", "log")}
        daemons.append(_daemon("munged", "--foreground", f"--socket={folder}/munge.socket", *files.values()))
        wait_for(lambda: (folder / "munge.socket").exists(), 20)
        daemons += [_daemon("slurmctld", "-D"), _daemon("slurmd", "-D")]
        wait_for(lambda: _said("sinfo", "--noheader", "--format=%T") == "idle", 60)
        yield
    finally:
        subprocess.run(["scancel", "--me"], check=False)
        wait_for(lambda: not _said("squeue", "--noheader"), 60)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)


def _daemon(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [f"/usr/sbin/{name}", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _jobs() -> list[str]:
    return _said("squeue", "--me", "--array", "--noheader", "--states=RUNNING", "--format=%i").split()


Disturbance = Callable[[subprocess.Popen[str]], None]


def nothing(_launch: subprocess.Popen[str]) -> None:
    """Let it run."""


def requeue(_launch: subprocess.Popen[str]) -> None:
    """As an administrator does."""
    (job,) = _jobs()
    subprocess.run(["scontrol", "requeue", job], check=True)
    _do_not_wait(job)


def preempt(_launch: subprocess.Popen[str]) -> None:
    """As a job of a partition with a higher priority does, which needs the whole node."""
    (job,) = _jobs()
    urgent = ["sbatch", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 3"]
    subprocess.run(urgent, check=True, stdout=subprocess.DEVNULL)
    _do_not_wait(job)


def time_is_up(_launch: subprocess.Popen[str]) -> None:
    """As Slurm announces the end of a job's time."""
    (job,) = _jobs()
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    _do_not_wait(job)


def _do_not_wait(job: str) -> None:
    """Slurm lets a job that was requeued wait for two minutes."""
    wait_for(lambda: _said("squeue", "--noheader", "--array", "--format=%T", f"--jobs={job}") == "PENDING", 60)
    time.sleep(2)
    subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=True)


def cancel_one(_launch: subprocess.Popen[str]) -> None:
    """As a user does who does not know better."""
    subprocess.run(["scancel", _jobs()[0]], check=True)


def ctrl_c(launch: subprocess.Popen[str]) -> None:
    """Once: every worker ends after its epoch."""
    launch.send_signal(signal.SIGINT)


def ctrl_c_twice(launch: subprocess.Popen[str]) -> None:
    """Every job is cancelled at once."""
    launch.send_signal(signal.SIGINT)
    time.sleep(0.5)
    launch.send_signal(signal.SIGINT)


@dataclass(frozen=True)
class Line:
    """What came of a disturbance."""

    name: str
    status: int
    seconds: float
    workers: int
    held: int
    messages: list[str]


def disturbed(project: Project, workers: int, disturb: Disturbance) -> Line:
    """Launch a study, disturb it once its workers train, and wait for its end."""
    began = time.monotonic()
    process = project.start(*LAUNCH, "--workers", str(workers))
    wait_for(lambda: len(trained(project)) == workers or process.poll() is not None, 120)
    disturb(process)
    _, err = process.communicate(timeout=300)
    seconds = time.monotonic() - began
    wait_for(lambda: not _said("squeue", "--noheader"), 60)
    held = rows(project.output, "SELECT COUNT(*) FROM hpo_design_point WHERE state = 'running'")[0][0]
    return Line(disturb.__name__, process.returncode, seconds, len(trained(project)), held, err.splitlines())


def main() -> None:
    """Start the cluster, disturb a study in every way, and print the table."""
    if os.geteuid() or not Path("/usr/sbin/slurmctld").exists():
        sys.exit("this needs root and Debian's packages slurm-wlm and munge")
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, cluster(Path(name)):
        reference: list[tuple[object, ...]] = []
        print(f"{'':14}{'exit':>5}{'seconds':>9}{'workers':>9}{'held':>6}  results")
        # Alone, a worker that is disturbed must come back for the study to end.
        scenes = [(2, nothing), (1, requeue), (1, preempt), (1, time_is_up), (1, cancel_one)]
        scenes += [(2, ctrl_c), (2, ctrl_c_twice)]
        for workers, disturb in scenes:
            project = long_project(Path(name) / disturb.__name__)
            line = disturbed(project, workers, disturb)
            found = points(project.output)
            reference = reference or found
            same = sum(row in reference for row in found if row[4] == "complete")
            results = f"{same} of {len(found)} as undisturbed, {sum(row[4] == 'waiting' for row in found)} waiting"
            print(f"{line.name:14}{line.status:5}{line.seconds:9.1f}{line.workers:9}{line.held:6}  {results}")
            for message in line.messages[2:]:
                print(f"    {message.replace(name, '...')}")


if __name__ == "__main__":
    main()
