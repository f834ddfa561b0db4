"""Files in a folder, in memory and on S3: whole or not at all, and waited for while what goes wrong may pass."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from fsspec.registry import _registry

from hpo.errors import StorageError, StoreUnavailableError
from hpo.storage.files import Files, is_passing
from tests.storage.places import FailingWrites, files_of, overwrite, small_disk

CONTENT = bytes(range(256)) * 512  # 128 KiB


@pytest.fixture
def files(store_url: str) -> Files:
    return Files(store_url)


def test_a_file_comes_back_as_it_was_written_and_may_be_replaced(files: Files) -> None:
    files.write("folder/deeper/name", CONTENT)
    assert files.read("folder/deeper/name") == CONTENT
    files.write("folder/deeper/name", b"")
    assert files.read("folder/deeper/name") == b""


def test_what_is_not_there_is_nothing(files: Files) -> None:
    assert files.read("folder/name") is None
    assert files.names("folder") == []
    assert files.age_seconds("folder/name") == 0
    files.write("folder/other", CONTENT)
    assert files.read("folder/name") is None
    assert files.names("folder/name") == []


def test_a_listing_names_what_is_there_now_whoever_wrote_it(files: Files, store_url: str) -> None:
    files.write("folder/one", CONTENT)
    assert files.names("folder") == ["one"]
    overwrite(store_url, "folder/two", CONTENT)
    assert sorted(files.names("folder")) == ["one", "two"]
    Files(store_url).remove("folder/one")
    assert files.names("folder") == ["two"]


def test_removing_may_be_repeated(files: Files) -> None:
    files.write("folder/one", CONTENT)
    files.write("folder/two", CONTENT)
    files.remove("folder/one")
    files.remove("folder/one")
    files.remove_empty("folder")
    assert files.read("folder/two") == CONTENT


def test_a_file_knows_its_age(files: Files) -> None:
    files.write("folder/name", CONTENT)
    assert -2 < files.age_seconds("folder/name") < 60  # S3 counts whole seconds


def test_several_threads_may_use_one_store_at_once(files: Files, store_url: str) -> None:
    def use(number: int) -> bool:
        files.write(f"folder/{number}", CONTENT + bytes([number]))
        return files.read(f"folder/{number}") == CONTENT + bytes([number]) and str(number) in files.names("folder")

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(use, range(40)))
    assert len(files_of(store_url)) == 40


def test_only_whole_files_are_left(files: Files, store_url: str) -> None:
    files.write("folder/name", CONTENT)
    files.write("folder/name", CONTENT)
    assert files_of(store_url) == {"folder/name": CONTENT}


def test_an_emptied_folder_goes_and_a_writer_makes_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(tmp_path)
    files.write("folder/name", CONTENT)
    files.remove("folder/name")
    files.remove_empty("folder")
    assert not (tmp_path / "folder").exists()
    makedirs, others = files._fs.makedirs, iter([True])

    def make_and_lose(path: str, exist_ok: bool) -> None:
        makedirs(path, exist_ok=exist_ok)
        if next(others, False):
            Path(path).rmdir()  # another process cleans up just now

    monkeypatch.setattr(files._fs, "makedirs", make_and_lose)
    files.write("folder/name", CONTENT)
    assert files.read("folder/name") == CONTENT


# What does not pass is said at once, in one line.


@contextmanager
def refused_at_once(match: str) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(StorageError, match=match) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 120


def test_an_unknown_protocol_is_refused() -> None:
    with refused_at_once("carrier"):
        Files("carrier-pigeon://loft")


@pytest.mark.parametrize(("url", "package"), [("s3://bucket/folder", "s3fs"), ("gs://bucket/folder", "gcsfs")])
def test_a_missing_package_is_named(url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(_registry, url.partition(":")[0], raising=False)
    with refused_at_once(rf"{url}: .*pip install {package}"):
        Files(url)


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with refused_at_once("cannot write: .*; correct `checkpoints`"):
        Files(tmp_path / "file").write("folder/name", CONTENT)


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.EACCES, "get the right to"), (errno.EROFS, "correct `checkpoints`")]
)
def test_a_folder_that_may_not_be_written_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    failing = FailingWrites(monkeypatch, number)
    with refused_at_once(f"cannot write: {os.strerror(number).lower()}; {advice}"):
        Files(tmp_path).write("folder/name", CONTENT)
    assert failing.failed == 1
    assert files_of(str(tmp_path)) == {}


def test_a_bucket_that_is_not_there_is_not_made(s3: None) -> None:
    import boto3

    before = boto3.client("s3").list_buckets()["Buckets"]
    files = Files("s3://no-such-bucket/folder")
    for act in (
        lambda: files.write("a/b", CONTENT),
        lambda: files.read("a/b"),
        lambda: files.names("a"),
        lambda: files.remove("a/b"),
    ):
        with refused_at_once("s3://no-such-bucket/folder: cannot .* bucket does not exist; make the bucket"):
            act()
    assert boto3.client("s3").list_buckets()["Buckets"] == before


def test_credentials_that_are_missing_are_asked_for(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    files = Files(f"s3://{bucket}")
    for act in (lambda: files.write("a/b", CONTENT), lambda: files.read("a/b"), lambda: files.names("a")):
        with refused_at_once("cannot .*: unable to locate credentials; set AWS_ACCESS_KEY_ID"):
            act()


def test_s3_is_written_once_without_a_copy(bucket: str) -> None:
    import boto3

    client = boto3.client("s3")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    Files(f"s3://{bucket}/store").write("folder/name", CONTENT)
    history = client.list_object_versions(Bucket=bucket)
    assert [version["Key"] for version in history["Versions"]] == ["store/folder/name"]
    assert "DeleteMarkers" not in history


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        ("SlowDown", True), ("ServiceUnavailable", True), ("InternalError", True), ("RequestTimeout", True),
        ("503", True), ("500", True), ("BadGateway", True), ("XMinioStorageFull", True),
        ("AccessDenied", False), ("InvalidAccessKeyId", False), ("ExpiredToken", False), ("NoSuchBucket", False),
        ("InvalidBucketName", False), ("PermanentRedirect", False),
    ],
)  # fmt: skip
def test_what_s3_answers_passes_or_not(code: str, passes: bool) -> None:
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    error = translate_boto_error(ClientError({"Error": {"Code": code, "Message": "said S3"}}, "PutObject"))
    assert is_passing(error) is passes


class GoogleError(Exception):
    """Stands in for gcsfs' own, which is not installed here."""

    def __init__(self, code: int | None) -> None:
        self.code = code


GoogleError.__module__, GoogleError.__qualname__ = "gcsfs.retry", "HttpError"


def test_what_is_no_error_of_the_operating_system_passes_or_not() -> None:
    from aiohttp import ClientPayloadError, ServerDisconnectedError
    from botocore import exceptions

    passing: list[BaseException] = [
        exceptions.EndpointConnectionError(endpoint_url="http://away"),
        exceptions.ConnectTimeoutError(endpoint_url="http://away"),
        exceptions.ReadTimeoutError(endpoint_url="http://slow"),
        exceptions.ConnectionClosedError(endpoint_url="http://away"),
        ClientPayloadError(),
        ServerDisconnectedError(),
        TimeoutError(),
        GoogleError(503),
        GoogleError(429),
    ]
    lasting: list[BaseException] = [
        exceptions.NoCredentialsError(),
        exceptions.ParamValidationError(report="no bucket has such a name"),
        GoogleError(401),
        GoogleError(None),
        ValueError("a bug"),
        FileNotFoundError(errno.ENOENT, "none"),
        NotADirectoryError(errno.ENOTDIR, "none"),
        KeyboardInterrupt(),
    ]
    assert [error for error in passing if not is_passing(error)] == []
    assert [error for error in lasting if is_passing(error)] == []


# What may pass is waited for.


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ECONNRESET]
)
def test_a_write_that_fails_for_a_while_succeeds_in_the_end_and_each_pause_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    failing = FailingWrites(monkeypatch, number, times=3)
    with caplog.at_level(logging.WARNING):
        Files(tmp_path).write("folder/name", CONTENT)
    assert failing.failed == 3
    assert files_of(str(tmp_path)) == {"folder/name": CONTENT}
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 3
    assert all(str(tmp_path) in line and os.strerror(number) in line and "\n" not in line for line in warnings)


def test_patience_ends_with_what_is_wrong_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = FailingWrites(monkeypatch)
    with pytest.raises(StoreUnavailableError) as caught:
        Files(tmp_path, patience_seconds=0.5).write("folder/name", CONTENT)
    assert str(caught.value) == (
        f"checkpoint store {tmp_path}: cannot write: no space left on device; "
        "free some and run the same command again: every finished epoch is kept"
    )
    assert failing.failed > 1
    assert files_of(str(tmp_path)) == {}


def test_a_disk_that_is_really_full_is_waited_for_until_somebody_makes_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "512k") as disk:
        files = Files(disk / "store")
        files.write("folder/earlier", CONTENT)
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(1024**2))
        with pytest.raises(StoreUnavailableError, match="no space left on device; free some"):
            Files(disk / "store", patience_seconds=0.3).write("folder/name", CONTENT)
        assert files_of(str(disk / "store")) == {"folder/earlier": CONTENT}
        threading.Timer(1.0, ballast.unlink).start()
        files.write("folder/name", CONTENT)
        assert files_of(str(disk / "store")) == {"folder/earlier": CONTENT, "folder/name": CONTENT}


def test_an_s3_that_is_away_is_waited_for(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with refused_at_once("cannot read: could not connect.*; run the same command again once it is back"):
        Files(f"s3://{bucket}", patience_seconds=0).read("a/b")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)  # of the same buckets
    threading.Timer(1.0, server.start).start()
    try:
        Files(f"s3://{bucket}").write("a/b", CONTENT)
        assert Files(f"s3://{bucket}").read("a/b") == CONTENT
    finally:
        server.stop()


def test_ctrl_c_ends_the_waiting_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    FailingWrites(monkeypatch)
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            Files(tmp_path).write("folder/name", CONTENT)
        assert time.monotonic() - began < 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert files_of(str(tmp_path)) == {}


def test_a_pipe_or_a_device_in_a_files_place_is_no_file_and_can_be_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    files = Files(tmp_path)
    assert files.read("pipe") is None
    assert files.read("endless") is None
    files.write("pipe", CONTENT)
    assert files.read("pipe") == CONTENT
