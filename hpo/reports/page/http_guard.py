"""Limits of our two HTTP servers: size, time and number of requests, and the hosts that they answer for.

A page of somewhere else, open in a reader's browser, can have its own name point to this machine and then read and
change whatever is served here ("DNS rebinding"). The name stands in the request's Host header; so it is compared.

Sources: RFC 9110, section 7.2; OWASP HTTP Security Response Headers Cheat Sheet; OWASP Secure Headers Project.
"""

from __future__ import annotations

import io
import ipaddress
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from hpo.errors import HpoError

MOST_CONNECTIONS = 64
"""At once; whoever comes after them is told to come again."""

HEAD_SECONDS, BODY_SECONDS, ANSWER_SECONDS = 20.0, 60.0, 120.0
"""How long a request's head may take in all, then its body, and then sending the answer."""

HEAD_BYTES, BODY_BYTES = 128 * 1024, 32 * 1024 * 1024
"""How long a request's head and body may be."""

SECURITY_HEADERS = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
"""Sent with every answer; a Content-Security-Policy of the server's own joins them."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 - to recognize them
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AllowedHosts:
    """The names that a server answers for: this machine's loopback, the address it listens on, and those given.

    Args:
        bound: the address to listen on. Where that is every address of the machine, its own name counts, and the
            address that a reader has come to.
        given: more names or addresses, as a proxy's readers know them.

    Raises:
        HpoError: if one of those given is no name and no address.
    """

    def __init__(self, bound: str, given: Sequence[str] = ()) -> None:
        self._given = frozenset(map(_given_name, given))
        self._is_everywhere = bound in _WILDCARDS
        names = {*_LOOPBACK, _plain(bound), *self._given}
        self._names = names | {_plain(socket.gethostname())} if self._is_everywhere else names

    def answers(self, host: str, own_address: str) -> bool:
        """Whether a Host header names this server.

        Args:
            host: the header.
            own_address: of this machine, that the reader has come to.
        """
        name = _host_name(host)
        return name is not None and (name in self._names or (self._is_everywhere and name == _plain(own_address)))

    def trusts(self, origin: str, host: str) -> bool:
        """Whether an Origin header names a page of this server: as the Host header says it, or one of those given."""
        try:
            parts = urlsplit(origin.lower())
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin.lower():
            return False
        return parts.netloc == host.lower() or _host_name(parts.netloc) in self._given


class GuardedServer(ThreadingMixIn):
    """A server of few readers at once, a thread for each, that ends with the process.

    Attributes:
        allowed: whom it answers.
    """

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS
    allowed: AllowedHosts
    address_family: int
    server_address: Any

    def open_for(self, host: str, allow: Sequence[str]) -> None:
        """Set up; before the server's own construction, which listens."""
        self.allowed = AllowedHosts(host, allow)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._places = BoundedSemaphore(MOST_CONNECTIONS)

    @property
    def url(self) -> str:
        """Where the root is."""
        host, port = self.server_address[:2]
        return f"http://[{host}]:{port}/" if ":" in str(host) else f"http://{host}:{port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if one is free."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            request.sendall(b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\r\n")
        self.shutdown_request(request)  # type: ignore[attr-defined]  # of the server that this is mixed into

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and let the next one in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader who leaves early, or is too slow or too wordy, is no error."""
        if not isinstance(sys.exception(), OSError | HTTPException):
            super().handle_error(request, client_address)  # type: ignore[misc]  # of the server


class GuardedHandler(BaseHTTPRequestHandler):
    """Refuses what is not for this server, before anything of it is looked at."""

    server: Any
    server_version, sys_version = "hpo", ""
    policy = "default-src 'none'"
    error_message_format, error_content_type = "%(code)d %(message)s: %(explain)s\n", "text/plain; charset=utf-8"

    def setup(self) -> None:
        """Read the request under a deadline for all of it, not for each byte."""
        super().setup()
        self.rfile.close()
        self._request = _Request(self.connection)
        self.rfile = io.BufferedReader(self._request)

    def parse_request(self) -> bool:
        """Whether the request is to be answered; if not, it has been refused."""
        if not super().parse_request():
            return False
        refusal = self._refusal()
        if refusal is not None:
            self.close_connection = True
            self.send_error(refusal[0], explain=refusal[1])
            return False
        self._request.expect_body(int(self.headers.get("Content-Length") or 0))
        return True

    def end_headers(self) -> None:
        """Add what protects the reader."""
        for name, value in {"Cache-Control": "no-store", "Content-Security-Policy": self.policy}.items():
            self.send_header(name, value)
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """No line for each request: health checks and open pages would fill the log."""

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        """Why a request is not for this server; None if it is."""
        hosts, origins = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        own_address = self.connection.getsockname()[0]
        if len(hosts) != 1 or not self.server.allowed.answers(hosts[0], own_address):
            return HTTPStatus.FORBIDDEN, "This server does not answer for this host: start it with --allow-host NAME."
        if any(not self.server.allowed.trusts(origin, hosts[0]) for origin in origins):
            return HTTPStatus.FORBIDDEN, "This server does not answer pages of another origin."
        if self.command not in ("GET", "HEAD") and self.headers.get("Sec-Fetch-Site") == "cross-site":
            return HTTPStatus.FORBIDDEN, "This server is changed by its own pages only."
        if not self.path.startswith("/"):
            return HTTPStatus.BAD_REQUEST, "The target is no path."
        if "Transfer-Encoding" in self.headers:
            return HTTPStatus.LENGTH_REQUIRED, "Say how long the body is."
        lengths = self.headers.get_all("Content-Length", [])
        if any(not re.fullmatch("[0-9]{1,18}", length) for length in lengths) or len(lengths) > 1:
            return HTTPStatus.BAD_REQUEST, "Content-Length is no number."
        if lengths and int(lengths[0]) > BODY_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {BODY_BYTES} bytes are taken."
        return None


def with_headers(app: Wsgi, policy: str) -> Wsgi:
    """A WSGI application whose answers carry the headers that protect a reader, where it sets none itself."""
    added = SECURITY_HEADERS | {"Content-Security-Policy": policy, "Server": "hpo"}

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop("HTTP_X_FORWARDED_HOST", None)  # of which redirects would be made; Host has been compared

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            more = [(name, value) for name, value in added.items() if name.lower() not in present]
            return start_response(status, [*headers, *more], *error)

        return app(environ, start)

    return guarded


class _Request(io.RawIOBase):
    """The bytes of a request: so many, in so many seconds, and no more."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._deadline, self._bytes = time.monotonic() + HEAD_SECONDS, HEAD_BYTES

    def expect_body(self, length: int) -> None:
        """The head is there, and so many bytes are to come."""
        self._deadline, self._bytes = time.monotonic() + BODY_SECONDS, length
        self._connection.settimeout(ANSWER_SECONDS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._bytes:
            raise HTTPException("the request is longer than it may be")
        self._connection.settimeout(max(0.001, self._deadline - time.monotonic()))
        read = int(self._connection.recv_into(buffer, min(len(buffer), self._bytes)))
        self._connection.settimeout(ANSWER_SECONDS)
        self._bytes -= read
        return read


def _host_name(host: str) -> str | None:
    """The name in a Host header, without its port; None if it is malformed."""
    parts = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@?#\s]+)(:[0-9]{1,5})?", host)
    return None if parts is None else _plain(parts.group(1))


def _plain(name: str) -> str:
    """A name or an address in the one way that it is compared in."""
    name = name.lower().strip("[]").rstrip(".")
    with suppress(ValueError):
        address = ipaddress.ip_address(name.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped or address)
    return name


def _given_name(text: str) -> str:
    name = _host_name(text) or _plain(text)
    with suppress(ValueError):
        return str(ipaddress.ip_address(name))
    if not _NAME.fullmatch(name):
        raise HpoError(f"--allow-host {text!r}: give a name or an address, such as hpo.example.org, and no wildcard")
    return name
