"""What may be shown of a URL, and of a text that may quote one: everything but its secrets."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "***"

_SECRET_WORDS = ("pass", "secret", "token", "key", "pwd", "credential")
_FILE_SCHEMES = ("sqlite", "file", "local", "memory")
_TOKEN_SCHEMES = ("http", "https", "ftp", "ftps")
_URL_VARIABLES = ("HPO_DATABASE", "HPO_CHECKPOINTS", "MLFLOW_TRACKING_URI")
_URL_OPTIONS = ("--database", "--mlflow", "--base-url")
_SECRET_VARIABLE = re.compile(r"^(HPO|PG|AWS|MYSQL|POSTGRES|MLFLOW)\w*(PASSWORD|PWD|SECRET_ACCESS_KEY|SESSION_TOKEN)$")

_SCHEME = re.compile(r"^\s*[\"']?\s*(?P<scheme>(?:[\w.-]+::)*[A-Za-z][\w+.-]*)\s*(?P<mark>:/*|//+)")
_QUERY_ITEM = re.compile(r"(?P<mark>[?&;#])(?P<key>[^=&;?#]*)=(?P<value>.*?)(?=[&;][^=&;]+=|$)", re.DOTALL)
_IN_A_PATH = re.compile(r"(?<=/)[^/:@\s]*?(?::|%3[aA])(?P<password>[^/@\s]*)(?:@|%40)")
# No pattern may start again within the word that it began with, or a long word would cost the square of its length.
_URL_IN_TEXT = re.compile(r"(?<![\w+.:-])[\w+.:-]+\s?:\s?/{2,}[^\s'\"<>]*")
_USER_IN_TEXT = re.compile(
    r"(?<![\w/.+-])(?:(?:[\w.+-]+(?:[:;][/\\]{0,2}|//))?[\w.+-]+:)(?P<password>[^\s:@/'\"][^\s:@'\"]*)@(?=[\w\[])"
)
_SETTING_IN_TEXT = re.compile(
    r"\b(?=\w*(?:password|passwd|pwd|secret_access_key|session_token|credential))\w++\s*+=\s*+"
    r"(?P<value>'(?:[^'\\]|\\.)*'|[^\s&;,)]+)",
    re.IGNORECASE,
)

_NARROW = str.maketrans("\uff1a\uff0f\uff20\uff1f\uff06\uff1d\uff03\uff1b", ":/@?&=#;")
"""What keyboards of East Asian scripts type in the place of a URL's marks."""


def shown_url(url: object) -> str:
    """A URL with its secrets masked, whether or not it is a right one.

    Masked are the password of the user info, up to the last ``@`` (passwords may hold one), and the values of query
    keys that contain pass, secret, token, key, pwd or credential. What has no scheme is masked in the same way.
    """
    text = str(url)
    return _masked(text, _spans(text))


def secrets_of(url: object) -> tuple[str, ...]:
    """The secrets in a URL, as written and as decoded: what a text that quotes them may contain; longest first."""
    text = str(url)
    found: set[str] = set()
    for start, end in _spans(text):
        raw = text[start:end].strip("'\"")
        decoded = {raw, unquote(raw), unquote_plus(raw)}
        encoded = {form for one in decoded for form in (quote(one, errors="replace"), _quoted(one), repr(one)[1:-1])}
        found |= decoded | encoded
    return tuple(sorted((one for one in found if len(one) >= 3), key=len, reverse=True))


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """A text with the secrets of the URLs in it masked, and those of the environment and the command line.

    Args:
        text: an error's text, say, which may quote a URL or parts of it.
        secrets: to be masked too, wherever they stand.
    """
    for secret in (*secrets, *_given_secrets()):
        text = text.replace(secret, MASK)
    text = _masked(text, _spans_of_urls(text))
    for pattern, group in ((_USER_IN_TEXT, "password"), (_SETTING_IN_TEXT, "value")):
        text = _masked(text, [match.span(group) for match in pattern.finditer(text.translate(_NARROW))])
    return text


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces, last = [], 0
    for start, end in spans:
        pieces += [text[last:start], MASK]
        last = end
    return "".join([*pieces, text[last:]])


def _spans_of_urls(text: str) -> Iterator[tuple[int, int]]:
    for match in _URL_IN_TEXT.finditer(text.translate(_NARROW)):
        for start, end in _spans(match[0]):
            yield match.start() + start, match.start() + end


def _quoted(text: str) -> str:
    return quote_plus(text, errors="replace")


def _given_secrets() -> list[str]:
    """What this process was given, by its command line and its environment."""
    found: list[str] = []
    for option, value in zip(["", *sys.argv], sys.argv, strict=False):
        if option in _URL_OPTIONS or "://" in value:
            found += secrets_of(value.removeprefix(f"{value.partition('=')[0]}=") if value.startswith("--") else value)
    for name, value in os.environ.items():
        if name in _URL_VARIABLES:
            found += secrets_of(value)
        elif _SECRET_VARIABLE.match(name) and len(value) >= 6:
            found.append(value)
    return found


def _spans(url: str) -> list[tuple[int, int]]:
    """Where the secrets stand: from and to, in order, not overlapping."""
    spans: list[tuple[int, int]] = []
    url = url.translate(_NARROW)
    scheme = _SCHEME.match(url)
    name = scheme["scheme"].lower().partition("+")[0].rpartition(":")[2] if scheme else ""
    is_file = name in _FILE_SCHEMES and bool(scheme) and (scheme["mark"] if scheme else "").endswith("///")
    start = scheme.end() if scheme and (scheme["mark"] != ":" or not _is_user(url, scheme)) else 0
    if not is_file:
        spans += _user_span(url, start, name)
        spans += [match.span("password") for match in _IN_A_PATH.finditer(url)]
    for match in _QUERY_ITEM.finditer(url):
        key = unquote(match["key"]).lower()
        if any(word in key for word in _SECRET_WORDS):
            spans.append(match.span("value"))
    return _merged(spans)


def _is_user(url: str, scheme: re.Match[str]) -> bool:
    """Whether what looks like a scheme is a user's name: ``me:password@host``."""
    return "@" in url and ":" not in url[scheme.end() : url.rfind("@")]


def _user_span(url: str, start: int, scheme: str) -> list[tuple[int, int]]:
    at = url.rfind("@")
    if at < start:
        return _port_span(url, start)
    user = re.match(r"[^:/?#]*?(:|%3[aA])", url[start:at])
    if user:
        return [(start + user.end(), at)]
    is_token = scheme in _TOKEN_SCHEMES and not re.search(r"[/?#]", url[start:at])
    return [(start, at)] if is_token else []


def _port_span(url: str, start: int) -> list[tuple[int, int]]:
    """What stands in a port's place but is none may be a password whose ``@`` was forgotten."""
    rest = url[start:]
    host = re.match(r"(\[[^\]]*\]|[^:/?#\[]*):", rest)
    if not host or re.match(r"\d*([/?#]|\s*$)", rest[host.end() :]) or not start:
        return []
    return [(start + host.end(), len(url))]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[Any] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
