"""
Lays ``ROLLCALL__…`` variables over the file's tree.

ROLLCALL__SCHOOLS__ABBEY__POLL_SECONDS is schools.abbey.poll_seconds. Schools and tenants are those of the file: their
slugs in capitals, with _ for -. A value is read as TOML where it is TOML and the setting is no text, else it is the
text as it stands. A secret may stand there itself: the environment is a place for secrets.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import SecretStr

from shared.config.faults import Key, field_of, section_of, suggestion
from shared.config.protected import Protected
from shared.config.values import parse_toml

PREFIX = "ROLLCALL__"


def overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[Key, str], list[str]]:
    """Sets in ``tree`` what the variables say. Returns the variable of each setting, and a line for each unknown."""
    origins: dict[Key, str] = {}
    unknown: list[str] = []
    given = sorted(name for name in environ if name.startswith(PREFIX))
    sources = [name for name in given if name.endswith("__SOURCE")]  # first: they decide which settings a school has
    for variables in (sources, [name for name in given if name not in sources]):
        names = {variable_of(key): key for key in settings_of((), tree)}
        for variable in variables:
            key = names.get(variable)
            if key is None:
                unknown.append(_unknown(variable, names))
            elif _put(tree, key, _value(environ[variable], key, tree)):
                origins[key] = variable
    return origins, unknown


def _unknown(variable: str, names: Iterable[str]) -> str:
    near = suggestion(variable.removeprefix(PREFIX), (name.removeprefix(PREFIX) for name in names))
    fix = f"did you mean {PREFIX}{near}?" if near else "unset it, or find its setting in docs/configuration.md"
    return f"{variable}: no setting has this name; {fix}"


def variable_of(key: Key) -> str:
    return PREFIX + "__".join(part.upper().replace("-", "_") for part in key)


def settings_of(key: Key, tree: Mapping[str, Any]) -> Iterable[Key]:
    """The keys of all settings, with the schools and tenants that the file has."""
    if key in (("tenants",), ("schools",)):
        found = tree.get(key[0])
        for slug in found if isinstance(found, dict) else ():
            yield from settings_of((*key, slug), tree)
    elif section := section_of(key, tree):
        for name in section.model_fields:
            yield from settings_of((*key, name), tree)
    else:
        yield key


def _put(tree: dict[str, Any], key: Key, value: object) -> bool:
    """False where the file has something else than a table on the way, which is refused for itself."""
    table: Any = tree
    for part in key[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            return False
    table[key[-1]] = value
    return True


def _value(text: str, key: Key, tree: Mapping[str, Any]) -> object:
    field = field_of(key, tree)
    kinds = set(_kinds(field.annotation if field else None))
    parsed = _parsed(text)
    if SecretStr in kinds:
        return parsed if isinstance(parsed, dict) else SecretStr(text)
    if kinds & {str, Path, Protected} and not isinstance(parsed, str):
        return text
    return parsed


def _parsed(text: str) -> object:
    try:
        found = parse_toml(f"value = {text}")
    except ValueError:
        return text
    return found["value"] if len(found) == 1 else text


def _kinds(annotation: Any) -> Iterable[Any]:
    """The plain types of an annotation, of its alternatives but not of its members."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin is Literal:
        yield from (type(value) for value in get_args(annotation))
    elif origin in (tuple, dict) or origin is None:
        yield annotation
    else:
        for alternative in get_args(annotation):
            yield from _kinds(alternative)
