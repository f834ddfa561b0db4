"""What is shown of URLs: everything but their secrets, whether or not they are right."""

from __future__ import annotations

import time

import pytest

from hpo.secrets import secrets_of, shown_url, without_secrets

HIDDEN = "S3cr3tPw"

URLS = [
    "postgres://me:S3cr3tPw@host/hpo",
    "Postgresql+psycopg://me:S3cr3tPw@host/hpo",
    "POSTGRESQL://ME:S3cr3tPw@HOST",
    "postgresql+psycopg://127.0.0.1:1/hpo?user=me&password=S3cr3tPw",
    "postgresql://host/db?pass%77ord=S3cr3tPw&sslmode=require",
    "postgresql://host/db?password=a&S3cr3tPw&sslmode=require",
    "postgresql://me:S3cr3tPw@x@host/hpo",
    "postgresql://me:a/S3cr3tPw#?@host/hpo",
    "postgresql://me%3AS3cr3tPw@host",
    "postgresql://me@corp:S3cr3tPw@host/hpo",
    "postgresql://:S3cr3tPw@host/hpo",
    "postgresql:///me:S3cr3tPw@host/hpo",
    "postgresql:/me:S3cr3tPw@host/hpo",
    "postgresql:me:S3cr3tPw@host/hpo",
    "postgresql//me:S3cr3tPw@host/hpo",
    "postgresql ://me:S3cr3tPw@host/hpo",
    "me:S3cr3tPw@host/hpo",
    "  postgresql://me:S3cr3tPw@host",
    "'postgresql://me:S3cr3tPw@host'",
    "postgresql://me:S3cr3tPw",
    "postgresql://me:S3cr3tPw/hpo",
    "postgresql+psycopg://me:S3cr3tPw@[::1]:5432/hpo",
    "mysql://me:S3cr3tPw@host:port/hpo",
    "s3://AKIA:S3cr3tPw@bucket/folder",
    "s3://bucket/folder?aws_secret_access_key=S3cr3tPw",
    "simplecache::s3://key:S3cr3tPw@bucket/folder",
    "sftp://me:S3cr3tPw@host/folder",
    "sftp://host/me:S3cr3tPw@other/folder",
    "https://S3cr3tPw@host/mlflow",
    "https://me:S3cr3tPw@host:5000/",
    "sqlite:///study.db?password=S3cr3tPw",
    "postgresql://[/%5Dme%3AS3cr3tPw%40host%3A5432/hpo",
    "postgresql://[/me%3AS3cr3tPw%40x%40host/hpo",
    "postgresql\uff1a//me\uff1aS3cr3tPw\uff20host/hpo",
]


@pytest.mark.parametrize("url", URLS)
def test_no_secret_is_shown_and_all_else_is(url: str) -> None:
    shown = shown_url(url)
    assert HIDDEN not in shown
    assert "***" in shown
    assert shown.partition("***")[0] == url[: len(shown.partition("***")[0])]


@pytest.mark.parametrize("url", URLS)
def test_a_text_that_quotes_a_url_has_no_secret(url: str) -> None:
    for text in (f"could not open {url!r}", f"found {url}; is it right?", f'({url}) "x"'):
        assert HIDDEN not in without_secrets(text)


@pytest.mark.parametrize("password", ["p@ss word", "p/w?x#y", "ünïcode%41", "it's", 'q"q'])
def test_a_text_that_quotes_a_part_has_no_secret_either(password: str) -> None:
    secrets = secrets_of(f"postgresql://me:{password}@host/hpo")
    assert without_secrets(f"missing '=' after {password} here", secrets) == "missing '=' after *** here"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////tmp/me@host:1/[x]/study.db",
        "sqlite:///me:1@x/y.db",
        "postgresql+psycopg://me@host:port/hpo",
        "postgresql+psycopg://me@host:5432/hpo",
        "postgresql+psycopg://me@/hpo?host=/tmp/socket",
        "postgresql://[::1]:5432/hpo",
        "http://127.0.0.1:8080/",
        "s3://bucket/a/b",
        "/data/me@host:1/x",
        "C:/x",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(url: str) -> None:
    assert shown_url(url) == url
    assert without_secrets(f"in {url}: no") == f"in {url}: no"


def test_secrets_of_the_environment_and_the_command_line_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_DATABASE", "postgresql://me:from the environment@host/hpo")
    monkeypatch.setenv("HPO_DATABASE_PASSWORD", "its-own-variable")
    monkeypatch.setattr("sys.argv", ["hpo", "status", "--database", "postgresql://me:typed in@host"])
    text = without_secrets("from the environment, its-own-variable, typed in, password = 'x y' next")
    assert text == "***, ***, ***, password = *** next"


@pytest.mark.parametrize("piece", ["a", "a:", "password", "pwd ", "/a%3A", "?a=&", "x@", "://"])
def test_secrets_of_a_long_text_are_found_in_time_that_grows_with_its_length(piece: str) -> None:
    began = time.process_time()
    text = without_secrets(piece * (300_000 // len(piece)) + " postgresql://me:S3cr3tPw@host/hpo")
    assert HIDDEN not in text
    assert time.process_time() - began < 5  # the square takes minutes
