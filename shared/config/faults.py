"""Puts a fault of the configuration into words: the key, what is wrong, the fix. Never the value."""

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shared.config.settings import Config, IsamsSchool, PushSchool, School, Section, Tenant, source_of
from shared.config.values import SECRET_FORMS

Key = tuple[str, ...]
SCHOOLS: dict[str, type[School]] = {"isams": IsamsSchool, "push": PushSchool}
KINDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
LIMITS = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
}

GONE = {("portal",): "there is no portal in this release, and nothing would listen"}  # what an older file may have


@dataclass(frozen=True)
class Fault:
    key: Key
    what: str

    def line(self, file: str, origins: Mapping[Key, str]) -> str:
        """``origins``: the settings that came by the environment, with the variable of each."""
        starts = (self.key[:length] for length in range(len(self.key), 0, -1))
        origin = next((origins[start] for start in starts if start in origins), file)
        return f"{origin}: {dotted(self.key)}: {self.what}"


def dotted(key: Key) -> str:
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part) for part in key)


def section_of(key: Key, tree: Mapping[str, Any]) -> type[Section] | None:
    """What the table of this key is an instance of; None where there is no such table."""
    match key:
        case ():
            return Config
        case ("tenants", _):
            return Tenant
        case ("schools", slug):
            return SCHOOLS[source_of(tree["schools"].get(slug))]
        case (*above, name):
            field = field_of((*above, name), tree)
            kind = field.annotation if field else None
            return kind if inspect.isclass(kind) and issubclass(kind, Section) else None
    raise AssertionError(key)


def field_of(key: Key, tree: Mapping[str, Any]) -> FieldInfo | None:
    section = section_of(key[:-1], tree)
    return section.model_fields.get(key[-1]) if section else None


def suggestion(name: str, names: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(name, list(names), n=1)), None)


def faults_of(error: ValidationError, tree: Mapping[str, Any]) -> list[Fault]:
    return [_fault(details, tree) for details in error.errors(include_url=False)]


def _fault(details: ErrorDetails, tree: Mapping[str, Any]) -> Fault:
    parts = [str(part) for part in details["loc"]]
    if parts[0] == "schools" and len(parts) > 2:
        del parts[2]  # the kind of school, which is no part of the key
    about_key = parts[-1] == "[key]"
    key = tuple(parts[:-1] if about_key else parts)
    what = _words(key, details, tree)
    return Fault(key, f"the key {what}" if about_key and details["type"] != "value_error" else what)


def _words(key: Key, details: ErrorDetails, tree: Mapping[str, Any]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return f"is missing; add {_example(key, tree)}"
    if kind == "extra_forbidden":
        return _unknown(key, tree)
    if kind == "literal_error":
        return f"must be {context['expected'].replace(chr(39), chr(34))}"
    if kind in LIMITS:
        return LIMITS[kind].format(**context) + _for_example(key, tree)
    if kind in KINDS:
        return f"must be {KINDS[kind]}, not {_kind_of(details['input'])}" + _for_example(key, tree)
    return "is not what can stand here" + _for_example(key, tree)


def _unknown(key: Key, tree: Mapping[str, Any]) -> str:
    if key in GONE:
        return f"unknown key; {GONE[key]}: take it out"
    section = section_of(key[:-1], tree)
    names = section.model_fields if section else {}
    near = suggestion(key[-1], names)
    if near:
        return f"unknown key; did you mean {near}?"
    for source, school in SCHOOLS.items():
        if section in SCHOOLS.values() and key[-1] in school.model_fields:
            return f'unknown key; only a school with source = "{source}" has it: take it out'
    return "unknown key; take it out, or find it in docs/configuration.md"


def _kind_of(value: object) -> str:
    kinds: list[tuple[type, str]] = [
        (bool, "true or false"),
        (int, "a whole number"),
        (Decimal, "a decimal number"),
        (float, "a decimal number"),
        (str, "text"),
        (list, "a list"),
        (tuple, "a list"),
        (dict, "a table"),
    ]
    return next((words for kind, words in kinds if isinstance(value, kind)), "a date or time")


def _for_example(key: Key, tree: Mapping[str, Any]) -> str:
    field = field_of(key, tree)
    if section_of(key, tree) or key in (("tenants",), ("schools",)):
        return f"; begin it with [{dotted(key)}{'' if section_of(key, tree) else '.NAME'}]"
    if field is None or field.is_required() or field.default is None:
        return ""
    return f"; for example {key[-1]} = {toml(field.default)}"


def _example(key: Key, tree: Mapping[str, Any]) -> str:
    name = key[-1]
    match name:
        case "source":
            return 'source = "isams" or source = "push"'
        case "tenant":
            return f'tenant = "NAME", one of: {", ".join(tree.get("tenants", {})) or "(there are no tenants yet)"}'
        case "api_key" | "client_secret":
            return f"{name} = {SECRET_FORMS}"
        case "base_url":
            return 'base_url = "https://…", as the school gave it'
        case _:
            return f'{name} = "…"'


def toml(value: object) -> str:
    """A default as the file would say it."""
    match value:
        case bool():
            return str(value).lower()
        case Fraction():
            return f"{float(value):.2f}"
        case tuple():
            return f"[{', '.join(toml(item) for item in value)}]"
        case dict():
            items = (
                f"{key if isinstance(key, int) else json.dumps(key)} = {toml(item)}" for key, item in value.items()
            )
            return f"{{ {', '.join(items)} }}"
        case str():
            return json.dumps(value)
        case _:
            return str(value)
