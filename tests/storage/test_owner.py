"""A process is known by more than its number, and dead only if this machine knows so."""

from __future__ import annotations

import subprocess
import sys
import time

from hpo.storage.owner import TOLERANCE_SECONDS, dead_owners, this_process

NAME = "from hpo.storage.owner import this_process; print(this_process(), flush=True)"


def moved(owner: str, seconds: float) -> str:
    """The owner with another start."""
    process, _, start = owner.rpartition(":")
    return f"{process}:{float(start) + seconds:.2f}"


def test_this_process_is_alive_and_always_has_the_same_name() -> None:
    assert this_process() == this_process()
    assert dead_owners([this_process()]) == set()


def test_a_start_that_is_told_a_little_differently_kills_nobody() -> None:
    assert (
        dead_owners([moved(this_process(), seconds) for seconds in (-TOLERANCE_SECONDS / 2, TOLERANCE_SECONDS / 2)])
        == set()
    )


def test_a_later_process_with_the_same_number_is_another_one() -> None:
    earlier = moved(this_process(), -2 * TOLERANCE_SECONDS)
    assert dead_owners([earlier, this_process()]) == {earlier}


def test_a_process_that_ended_is_dead_even_before_its_parent_looks() -> None:
    with subprocess.Popen([sys.executable, "-c", NAME], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        owner = child.stdout.readline().strip()
        deadline = time.monotonic() + 120
        while dead_owners([owner]) != {owner}:  # a zombie until waited for
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert dead_owners([owner]) == {owner}


def test_of_other_machines_nothing_is_known() -> None:
    assert dead_owners(["another-machine:1:1600000000.00"]) == set()
