from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from hpo.data.fetch import PCAM_FILES, RemoteFile, fetch_pcam
from hpo.errors import DataError


@dataclass
class Server:
    """A web server whose transfers can be made to fail."""

    content: dict[str, bytes] = field(default_factory=dict)
    break_first: int = 0  # so many transfers end after a third of what is left
    ranges: bool = True
    status: int = 200
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, asked = self.path.lstrip("/"), self.headers["Range"]
            state.requests.append((name, asked))
            if state.status != 200 or name not in state.content:
                self.send_error(state.status if state.status != 200 else 404)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and state.ranges else 0
            body = state.content[name][start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if state.break_first > 0:
                state.break_first -= 1
                body = body[: len(body) // 3]
            state.sent += len(body)
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keeps the tests' output clean."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def publish(server: Server, name: str = "a.h5.gz", split: str = "train", size: int = 200_000) -> RemoteFile:
    raw = np.random.default_rng(len(name)).integers(0, 256, size, dtype=np.uint8).tobytes()
    content = gzip.compress(raw)
    server.content[name] = content
    return RemoteFile(name, len(content), len(raw), hashlib.sha256(content).hexdigest(), split)


def fetch(folder: Path, server: Server, *files: RemoteFile, **options: object) -> int:
    return fetch_pcam(folder, **{"base_url": server.url, "files": files, "longest_wait": 0.01, **options})


def test_files_are_fetched_verified_and_decompressed(tmp_path, server):
    files = publish(server, "x.h5.gz"), publish(server, "labels.h5.gz", size=50)
    told: list[tuple[str, int, int]] = []

    fetch(tmp_path, server, *files, progress=lambda *call: told.append(call))

    for file in files:
        raw = (tmp_path / file.name.removesuffix(".gz")).read_bytes()
        assert raw == gzip.decompress(server.content[file.name])
    assert {what.split()[0] for what, _, _ in told} == {"fetching", "decompressing"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.h5", "labels.h5.gz", "x.h5", "x.h5.gz"]


def test_an_interrupted_transfer_goes_on_where_it_was(tmp_path, server):
    file = publish(server)
    server.break_first = 3

    fetch(tmp_path, server, file)

    assert len(server.requests) == 4
    assert all(asked and asked != "bytes=0-" for _, asked in server.requests[1:])
    assert server.sent == file.size


def test_the_next_call_goes_on_where_the_last_one_gave_up(tmp_path, server):
    file = publish(server)
    server.break_first = 2
    with pytest.raises(DataError, match="the same command continues"):
        fetch(tmp_path, server, file, attempts=2)

    fetch(tmp_path, server, file)

    assert server.sent == file.size
    assert (tmp_path / "a.h5").exists()


def test_a_server_without_ranges_is_asked_for_everything_again(tmp_path, server):
    file = publish(server)
    server.break_first, server.ranges = 1, False
    fetch(tmp_path, server, file)
    assert (tmp_path / "a.h5").read_bytes() == gzip.decompress(server.content[file.name])


def test_what_is_there_is_not_fetched_again(tmp_path, server):
    file = publish(server)
    fetch(tmp_path, server, file)
    server.requests.clear()
    fetch(tmp_path, server, file)
    assert not server.requests


def test_another_data_set_is_not_taken_for_it(tmp_path, server):
    file = publish(server)
    (tmp_path / "a.h5").write_bytes(b"a sample")
    with pytest.raises(DataError, match=r"a\.h5: exists already and is not PCam's, with 8 bytes instead of"):
        fetch(tmp_path, server, file)
    assert (tmp_path / "a.h5").read_bytes() == b"a sample"


def test_a_decompressed_file_is_enough(tmp_path, server):
    file = publish(server)
    assert fetch(tmp_path, server, file) == 0
    (tmp_path / "a.h5.gz").unlink()
    server.requests.clear()
    assert fetch(tmp_path, server, file) == 1
    assert not server.requests


def test_only_the_splits_asked_for_are_fetched(tmp_path, server):
    files = publish(server, "a.h5.gz", "train"), publish(server, "b.h5.gz", "test")
    fetch(tmp_path, server, *files, splits=("test",))
    assert {name for name, _ in server.requests} == {"b.h5.gz"}


def test_a_wrong_checksum_is_refused_and_not_kept(tmp_path, server):
    file = publish(server)
    server.content[file.name] = server.content[file.name][:-1] + b"?"
    with pytest.raises(DataError, match="checksum differs"):
        fetch(tmp_path, server, file)
    assert not list(tmp_path.iterdir())


def test_a_disk_too_small_is_refused_before_anything_is_fetched(tmp_path, server):
    file = replace(publish(server), raw_size=10**18)
    with pytest.raises(DataError, match=r"GB are needed.*GB are free"):
        fetch(tmp_path, server, file)
    assert not server.requests


def test_a_busy_server_is_asked_again(tmp_path, server):
    file = publish(server)
    server.status = 503
    with pytest.raises(DataError, match="503"):
        fetch(tmp_path, server, file, attempts=3)
    assert len(server.requests) == 3


def test_a_file_that_is_not_there_is_not_asked_for_again(tmp_path, server):
    file = publish(server)
    server.content.clear()
    with pytest.raises(DataError, match="404"):
        fetch(tmp_path, server, file)
    assert len(server.requests) == 1


def test_an_unreachable_server_is_named(tmp_path, server):
    file = publish(server)
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1/a\.h5\.gz: the server cannot be reached"):
        fetch(tmp_path, server, file, base_url="http://127.0.0.1:1", attempts=2)


@pytest.mark.parametrize(
    "address",
    ["file:///etc", "nonsense", "", "http://", "http://127.0.0.1:port", "http://h:0", "http://[::1", "http://a b"],
)
def test_only_web_addresses_are_allowed(tmp_path, server, address):
    with pytest.raises(DataError, match="not a web address; it must be like https://host"):
        fetch(tmp_path, server, base_url=address)


def test_the_official_list_has_two_files_a_split_and_whole_checksums():
    assert [(file.split, file.name[-7]) for file in PCAM_FILES] == [
        (split, part) for split in ("train", "valid", "test") for part in "xy"
    ]
    assert {len(bytes.fromhex(file.sha256)) for file in PCAM_FILES} == {32}
    assert PCAM_FILES[0].raw_size == 262144 * 96 * 96 * 3


def test_a_server_that_has_never_answered_is_given_up_soon(tmp_path, server):
    file = publish(server)
    server.status = 503
    with pytest.raises(DataError, match="503"):
        fetch(tmp_path, server, file, attempts=8)

    assert len(server.requests) == 3
