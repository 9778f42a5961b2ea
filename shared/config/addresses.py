"""One canonical form for an HTTP address, so that two spellings of one place compare as one. Pure."""

import re
from urllib.parse import urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def canonical(address: str) -> str:
    """
    Scheme and host in lower case, the host in its ASCII form (IDNA), no default port, no dot segments, no escape that
    needs none, no trailing slash, no fragment.

    Raises: ValueError for what is no address.
    """
    parts = urlsplit(address.strip())
    scheme, host, port = parts.scheme.lower(), _host(parts.hostname or ""), parts.port
    where = f"[{host}]" if ":" in host else host
    if port is not None and port != DEFAULT_PORTS.get(scheme):
        where += f":{port}"
    return urlunsplit((scheme, where, _path(parts.path), _escapes(parts.query), ""))


def _host(host: str) -> str:
    try:
        return host.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:  # a label that is too long, or empty: no host, but one that can be compared
        return host.rstrip(".").lower()


def _path(path: str) -> str:
    kept: list[str] = []
    for segment in _escapes(path).split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return ("/" + "/".join(kept).strip("/")).rstrip("/")


def _escapes(text: str) -> str:
    """Escapes in capitals, and none for a character that may stand for itself."""

    def plain(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16))
        return character if _UNRESERVED.fullmatch(character) else found[0].upper()

    return _ESCAPE.sub(plain, text)
