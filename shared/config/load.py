"""
Reads rollcall.toml, the environment and the secrets into one tree, or refuses and tells every fault at once.

Each fault is a line: where it stands, the key, what is wrong; the fix. No line repeats a value: it may be a secret.
"""

import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from shared.config.environment import overlay
from shared.config.faults import Fault, faults_of
from shared.config.secret_values import secret_files
from shared.config.settings import Config
from shared.config.values import Reading, parse_toml, secret_of
from shared.errors import ConfigError


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """
    The configuration: ``path``, else the file that ROLLCALL_CONFIG names, else ./rollcall.toml.

    Raises: ConfigError, one line for each fault.
    """
    environ = os.environ if environ is None else environ
    path = _path_of(path, environ)
    tree = _read(path)
    origins, unknown = overlay(tree, environ)
    reading = Reading(path.parent, environ)
    faults = []
    try:
        config = Config.model_validate(tree, context=reading)
    except ValidationError as error:
        faults = faults_of(error, tree)
    faults += _relations(tree, reading)
    if unknown or faults:
        raise ConfigError("\n".join([*unknown, *(fault.line(str(path), origins) for fault in faults)]))
    return config


def files_to_keep(path: Path | None = None, environ: Mapping[str, str] | None = None) -> dict[str, Path]:
    """Setting -> the file that the configuration names and that nobody else should read. Raises: ConfigError."""
    environ = os.environ if environ is None else environ
    path = _path_of(path, environ)
    tree = _read(path)
    overlay(tree, environ)
    return secret_files(tree, path.parent)


def _path_of(path: Path | None, environ: Mapping[str, str]) -> Path:
    return path or Path(environ.get("ROLLCALL_CONFIG") or "rollcall.toml")


def _read(path: Path) -> dict[str, Any]:
    """Raises: ConfigError."""
    wrong = ""
    try:
        return parse_toml(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        wrong = "does not exist; write it (`rollcall example` prints one), or name another in ROLLCALL_CONFIG"
    except OSError as error:
        wrong = f"cannot be read ({error.strerror}); make it a file that this user may read"
    except UnicodeDecodeError as error:  # before ValueError, whose kind it is
        line = error.object.count(b"\n", 0, error.start) + 1
        wrong = f"line {line}: is not UTF-8; save the file as UTF-8"
    except ValueError as error:
        wrong = _syntax(str(error))
    raise ConfigError(f"{path}: {wrong}")


def _syntax(message: str) -> str:
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if not found:
        return "is not TOML; correct it"
    place = f"line {found[2]}, column {found[3]}" if found[2] else "at the end"
    return f"{place}: is not TOML: {found[1][:1].lower()}{found[1][1:]}; correct it there"


def _relations(tree: Mapping[str, Any], reading: Reading) -> list[Fault]:
    """What no part can see alone. Read from the tree as it came, so that it is told beside the faults of the parts."""
    tenants, schools = _tables(tree, "tenants"), _tables(tree, "schools")
    named = {school.get("tenant") for school in schools.values() if isinstance(school.get("tenant"), str)}
    push = {slug: school for slug, school in schools.items() if school.get("source") == "push"}
    return [
        *_strangers(tenants, schools),
        *(
            Fault(("tenants", slug), f'has no school; add one with tenant = "{slug}", or take the tenant out')
            for slug in tenants
            if slug not in named
        ),
        *_in_clear("tenants", tenants, "url"),
        *_in_clear("schools", schools, "base_url"),
        *_shared_keys("schools", push, reading, "the key names the school: ask for one of its own"),
        *_shared_keys("tenants", tenants, reading, "one key is one tenant: put the schools of both under one"),
    ]


def _tables(tree: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    found = tree.get(name)
    return {key: value for key, value in found.items() if isinstance(value, dict)} if isinstance(found, dict) else {}


def _strangers(tenants: Mapping[str, Any], schools: Mapping[str, dict[str, Any]]) -> Iterator[Fault]:
    for slug, school in schools.items():
        tenant = school.get("tenant")
        if isinstance(tenant, str) and tenant and tenant not in tenants:
            known = f"the tenants are: {', '.join(tenants)}" if tenants else "there are none: add [tenants.NAME]"
            yield Fault(("schools", slug, "tenant"), f"names no tenant of this file; {known}")


def _in_clear(kind: str, holders: Mapping[str, dict[str, Any]], name: str) -> Iterator[Fault]:
    """Plain http beyond this machine: whoever stands between reads the key and the pupils, and may answer instead."""
    for slug, holder in holders.items():
        address = holder.get(name)
        if holder.get("plain_http") is True or not isinstance(address, str) or not address.lower().startswith("http:"):
            continue
        try:
            host = urlsplit(address).hostname or ""
        except ValueError:
            continue  # told by the setting itself
        if host and not _is_loopback(host):
            fix = "write https, or set plain_http = true where the network in between is yours alone"
            yield Fault((kind, slug, name), f"goes in clear to another machine; {fix}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shared_keys(kind: str, holders: Mapping[str, dict[str, Any]], reading: Reading, fix: str) -> Iterator[Fault]:
    """Whatever the addresses: one place has many, and a key that stands twice is one institution in two tenants."""
    first: dict[str, str] = {}
    for slug, holder in holders.items():
        try:
            secret = secret_of(holder.get("api_key"), reading).strip()
        except ValueError:
            continue  # told by the setting itself
        if (other := first.setdefault(secret, slug)) != slug:
            yield Fault((kind, slug, "api_key"), f"is the same as that of {kind}.{other}; {fix}")
