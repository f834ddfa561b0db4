"""Whom our servers answer, how much they listen to, and what goes with every answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import HTTPServer
from typing import Any

import pytest

from hpo.errors import HpoError
from hpo.reports.page import http_guard
from hpo.reports.page.http_guard import SECURITY_HEADERS, AllowedHosts, GuardedHandler, GuardedServer, with_headers


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1:1", "[::1]", "[0:0:0:0:0:0:0:1]:8080", "10.0.0.7:80"],
)
def test_loopback_and_the_bound_address_are_answered_for_at_any_port(host: str) -> None:
    assert AllowedHosts("10.0.0.7").answers(host, "10.0.0.7")


@pytest.mark.parametrize(
    "host",
    [
        *("", "attacker.example", "localhost.attacker.example", "127.0.0.1.nip.io", "10.0.0.8"),
        *("localhost:80:80", "localhost:port", "localhost/", "me@localhost", "localhost, attacker.example", "[::1"),
        *("[::1].attacker.example", "localhost\u0000", "127.1", "2130706433"),
    ],
)
def test_other_hosts_are_not(host: str) -> None:
    assert not AllowedHosts("127.0.0.1").answers(host, "127.0.0.1")


def test_whoever_listens_everywhere_answers_for_its_own_name_and_the_address_that_was_called() -> None:
    everywhere = AllowedHosts("0.0.0.0")  # noqa: S104 - nothing listens
    for host in (socket.gethostname(), "172.17.0.2:8080", "localhost:9000", "0.0.0.0:8080"):
        assert everywhere.answers(host, "172.17.0.2")
    assert AllowedHosts("::").answers("172.17.0.2", "::ffff:172.17.0.2")
    assert not everywhere.answers("172.17.0.3", "172.17.0.2")
    assert not everywhere.answers("attacker.example", "172.17.0.2")


def test_hosts_that_were_given_are_answered_for() -> None:
    given = AllowedHosts("127.0.0.1", ["Hpo.Example.org", "dashboard", "hpo.example.net:8443", "10.1.2.3"])
    for host in ("hpo.example.org", "HPO.example.org:443", "dashboard:8080", "hpo.example.net", "10.1.2.3:80"):
        assert given.answers(host, "127.0.0.1")
    assert not given.answers("other.example.org", "127.0.0.1")


@pytest.mark.parametrize("name", ["", "*", "*.example.org", "http://example.org", "a b", "-", "example.org/path"])
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(HpoError, match=r"--allow-host .*: give a name or an address"):
        AllowedHosts("127.0.0.1", [name])


@pytest.mark.parametrize(
    ("origin", "host", "is_trusted"),
    [
        ("http://localhost:8080", "localhost:8080", True),
        ("HTTP://LOCALHOST:8080", "localhost:8080", True),
        ("https://proxy.example", "localhost:8080", True),  # was given
        ("http://localhost:3000", "localhost:8080", False),  # another program of this machine
        ("http://attacker.example", "localhost:8080", False),
        ("null", "localhost:8080", False),
        ("", "localhost:8080", False),
        ("http://localhost:8080/path", "localhost:8080", False),
        ("http://[", "localhost:8080", False),
        ("file://localhost:8080", "localhost:8080", False),
    ],
)
def test_pages_of_other_origins_are_not_trusted(origin: str, host: str, is_trusted: bool) -> None:
    assert AllowedHosts("127.0.0.1", ["proxy.example"]).trusts(origin, host) is is_trusted


class Server(GuardedServer, HTTPServer):
    """Says what it was sent."""

    def __init__(self) -> None:
        self.open_for("127.0.0.1", [])
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(GuardedHandler):
    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"got " + body)

    do_DELETE = do_POST = do_GET  # noqa: N815 - http.server's names


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def answer(server: Server, request: bytes) -> str:
    """All that the server says to these bytes."""
    with closing(socket.create_connection(server.server_address[:2], timeout=60)) as connection:
        connection.sendall(request)
        said = b""
        while part := connection.recv(65536):
            said += part
    return said.decode()


def status(server: Server, *lines: str, method: str = "GET", target: str = "/", body: str = "") -> int:
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines])
    return int(answer(server, f"{head}\r\n\r\n{body}".encode()).split(maxsplit=2)[1])


def test_requests_of_other_hosts_and_origins_are_forbidden_whatever_they_ask_for(server: Server) -> None:
    host = f"Host: 127.0.0.1:{server.server_port}"
    assert status(server, host) == 200
    for method in ("GET", "POST", "DELETE"):
        assert status(server, "Host: attacker.example", method=method) == 403
        assert status(server, host, "Origin: http://attacker.example", method=method) == 403
        assert status(server, host, "Host: attacker.example", method=method) == 403
        assert status(server, method=method) == 403
    assert status(server, host, f"Origin: http://127.0.0.1:{server.server_port}", method="DELETE") == 200
    assert status(server, host, "Sec-Fetch-Site: cross-site", method="DELETE") == 403
    assert status(server, host, "Sec-Fetch-Site: cross-site") == 200  # a link to it
    assert status(server, host, target="http://attacker.example/") == 400


def test_a_refusal_carries_the_headers_that_protect_a_reader_too(server: Server) -> None:
    said = answer(server, b"GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n")
    for name, value in SECURITY_HEADERS.items():
        assert f"{name}: {value}\r\n" in said
    assert "Content-Security-Policy: default-src 'none'\r\n" in said
    assert "attacker" not in said


def test_bodies_are_of_a_known_and_bounded_length(server: Server) -> None:
    host = "Host: localhost"
    assert status(server, host, "Content-Length: 3", method="POST", body="abc") == 200
    assert status(server, host, f"Content-Length: {http_guard.BODY_BYTES + 1}", method="POST") == 413
    assert status(server, host, "Transfer-Encoding: chunked", method="POST", body="0\r\n\r\n") == 411
    for length in ("-1", "+3", "three", "9" * 99, ""):
        assert status(server, host, f"Content-Length: {length}", method="POST") == 400
    assert status(server, host, "Content-Length: 1", "Content-Length: 2", method="POST", body="abc") == 400


def test_a_head_without_an_end_is_cut_off(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert status(server, "Host: localhost", *(f"X-{number}: {'x' * 4000}" for number in range(60))) == 431
    assert status(server, "Host: localhost", *(f"X-{number}: x" for number in range(200))) == 431
    assert status(server, "Host: localhost", target=f"/{'x' * 70_000}") == 414
    assert "Traceback" not in capfd.readouterr().err


def test_a_request_that_trickles_in_is_given_up_as_a_whole(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http_guard, "HEAD_SECONDS", 0.5)
    with closing(socket.create_connection(server.server_address[:2], timeout=60)) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        slow.settimeout(0.05)
        ended = False
        for _ in range(1200):  # a byte every 50 ms: none of them is late, all together are
            try:
                slow.sendall(b"x")
                ended = slow.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
            if ended:
                break
    assert ended
    assert status(server, "Host: localhost") == 200
    assert "Traceback" not in capfd.readouterr().err


def test_readers_past_the_last_place_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_guard, "MOST_CONNECTIONS", 1)
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with closing(socket.create_connection(server.server_address[:2], timeout=60)) as silent:
            assert "503 Service Unavailable" in answer(server, b"")
            silent.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert silent.recv(15) == b"HTTP/1.0 200 OK"
        server.shutdown()


def test_a_wsgi_application_is_given_the_headers_that_it_lacks() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("x-frame-options", "SAMEORIGIN")])
        return [repr(sorted(environ)).encode()]

    started: list[Any] = []
    content = with_headers(app, "default-src 'self'")(
        {"HTTP_HOST": "localhost", "HTTP_X_FORWARDED_HOST": "attacker.example"}, lambda *what: started.append(what)
    )
    assert list(content) == [b"['HTTP_HOST']"]
    ((_, headers),) = started
    found = dict(headers)
    assert found["x-frame-options"] == "SAMEORIGIN"
    assert "X-Frame-Options" not in found
    assert (found["Content-Security-Policy"], found["Server"]) == ("default-src 'self'", "hpo")
    assert (
        found.items() >= {name: value for name, value in SECURITY_HEADERS.items() if name != "X-Frame-Options"}.items()
    )
