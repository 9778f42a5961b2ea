"""docs/configuration.md and rollcall.example.toml tell what the code does."""

import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.config.faults import toml
from shared.config.load import load
from shared.config.protected import Protected
from shared.config.settings import (
    Config,
    Fetcher,
    Gateway,
    Guard,
    IsamsSchool,
    Kafka,
    Logging,
    Operators,
    Poison,
    PushSchool,
    Redis,
    School,
    Section,
    Tenant,
)

ROOT = Path(__file__).parents[2]
BASES = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text",
    SecretStr: "secret",
    dict: "table",
    Fraction: "share",
    Path: "file",
    Protected: "file",
}
PLAIN: dict[str, type[Section]] = {
    "kafka": Kafka,
    "redis": Redis,
    "gateway": Gateway,
    "fetcher": Fetcher,
    "logging": Logging,
    "poison": Poison,
    "operators": Operators,
}
Rows = dict[str, tuple[str, str]]


def test_the_table_of_settings_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    sections = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    coded = {f"`[{name}]`": rows(section) for name, section in PLAIN.items()} | {
        "`[tenants.NAME]`": rows(Tenant),
        "`[schools.NAME]`": rows(School, without={"guard"}),
        '`[schools.NAME]` with `source = "isams"`': rows(IsamsSchool, without=School.model_fields),
        '`[schools.NAME]` with `source = "push"`': rows(PushSchool, without=School.model_fields),
        "`[schools.NAME.guard]`": {
            f"{name}.{row}": words for name, budget in Guard() for row, words in rows(type(budget)).items()
        },
    }
    assert PLAIN.keys() | {"tenants", "schools"} == Config.model_fields.keys()
    assert {heading: documented(section) for heading, section in sections.items()} == coded


def documented(section: str) -> Rows:
    found = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| (.+?) \| (.+) \|$", section, re.MULTILINE)
    assert all(meaning.strip() for *_, meaning in found)
    return {name: (kind.replace("`", ""), default.strip("`")) for name, kind, default, _ in found}


def rows(section: type[Section], without: Iterable[str] = ()) -> Rows:
    fields = {name: field for name, field in section.model_fields.items() if name not in without}
    return {name: (type_words(field), default_words(field)) for name, field in fields.items()}


def type_words(field: FieldInfo) -> str:
    return kind_words(field.annotation) + limits(field.metadata)


def limits(metadata: Iterable[object]) -> str:
    words = (
        f" ≥ {limit.ge}" if isinstance(limit, Ge) else f" > {limit.gt}"
        for limit in metadata
        if isinstance(limit, Ge | Gt)
    )
    return "".join(words)


def kind_words(annotation: Any) -> str:
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_words(members[0])
    if origin is Literal:
        return ", ".join(f'"{member}"' for member in members)
    if origin in (Union, UnionType):
        return ", ".join(kind_words(member) for member in members if member is not type(None))
    if origin is tuple:
        return f"list of {kind_words(members[0])}s"
    return BASES[origin or annotation]


def default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "none" if field.default in (None, Protected()) else toml(field.default)


EXAMPLE = (ROOT / "rollcall.example.toml").read_text()
SECRETS = {"ABBEY_UNITU_KEY": "1", "ABBEY_ISAMS_SECRET": "2", "NORTHERN_UNITU_KEY": "3", "NORTHERN_PUSH_KEY": "4"}


def loaded(folder: Path, text: str) -> Config:
    for name in ("ca.pem", "protected.json"):
        (folder / name).write_text("{}")
    (folder / "rollcall.toml").write_text(text)
    return load(
        folder / "rollcall.toml",
        SECRETS | {"KAFKA_PASSWORD": "5", "REDIS_PASSWORD": "6", "ROLLCALL_OPERATORS_KEY": "7" * 24},
    )


def test_the_commented_values_of_the_example_are_the_defaults(tmp_path: Path) -> None:
    uncommented = re.sub(r"^# (?=[a-z_]+ = )", "", EXAMPLE, flags=re.MULTILINE)
    assert loaded(tmp_path, uncommented) == loaded(tmp_path, EXAMPLE)


def test_the_example_shows_every_setting(tmp_path: Path) -> None:
    config = loaded(tmp_path, re.sub(r"^#(e\.g\.)? (?=[a-z_]+ = )", "", EXAMPLE, flags=re.MULTILINE))
    parts = [config, config.tenants["abbey"], *config.schools.values(), *(getattr(config, name) for name in PLAIN)]
    for part in parts:
        elsewhere = School.model_fields if isinstance(part, PushSchool) else ()  # shown with the iSAMS school
        assert type(part).model_fields.keys() - elsewhere <= part.model_fields_set
