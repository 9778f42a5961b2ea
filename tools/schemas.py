"""``python -m tools.schemas``: the committed schemas written from the models, or compared with them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from services.operations.explain.model import Explanation
from tools.asyncapi import asyncapi_document
from tools.json_schema import (
    breaks,
    kind_and_version,
    record_lines,
    schema_file,
    schema_of,
    shape,
    to_json,
    topics_document,
    types,
)
from tools.schema_examples import full, least

DIFFERS = 1
RECORD = "readers.json"


def schemas(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where they are.", file_okay=False)] = Path("schemas"),
    write: Annotated[bool, typer.Option("--write", help="Make them as the models are.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Tell what differs from the models.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Also forget what readers know: only while an event has none.")
    ] = False,
) -> None:
    """
    Generate a JSON Schema for each event and version, topics.yaml and asyncapi.yaml; begin an event's examples.

    readers.json keeps what each event's first readers know; it is added to and never changed. Exit codes: 0 written,
    or nothing differs; 1 something differs; 2 wrong command line.
    """
    if write == check:
        raise typer.BadParameter("say --write or --check")
    wanted = documents() | {RECORD: record(folder, anew=anew)}
    if write:
        save(folder, wanted | examples(folder))
        typer.echo(f"{len(wanted)} files in {folder}")
    faults = [f"{folder / name}: {fault}" for name, fault in differences(folder, wanted)]
    faults += [f"{folder / RECORD}: {fault}" for fault in broken(folder)]
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(DIFFERS)


def documents() -> dict[str, str]:
    """All that is generated from the models alone, by file name."""
    told = types() | {
        "rollcall.explain.v1": Explanation
    }  # what programs read is no event, and has a schema all the same
    made = {schema_file(name): to_json(schema_of(name, model)) for name, model in told.items()}
    return made | {"topics.yaml": topics_document(), "asyncapi.yaml": asyncapi_document()}


def record(folder: Path, *, anew: bool) -> str:
    """What each event's first readers know; of an event that was never recorded, what it is now."""
    now = {name: shape(schema_of(name, model)) for name, model in types().items()}
    return record_lines(now if anew else now | _recorded(folder))


def broken(folder: Path) -> list[str]:
    """Where an event is not what its readers know."""
    found = []
    for name, known in _recorded(folder).items():
        model = types().get(name)
        if model is None:
            found.append(f"{name} is gone; readers of old records still need it")
            continue
        found += [f"{name}: {fault}" for fault in breaks(known, shape(schema_of(name, model)))]
    return [f"{fault}; give the event a new version, or --anew while nobody reads it" for fault in found]


def examples(folder: Path) -> dict[str, str]:
    """For each event without examples: one with every field, one with the least, and one that must be turned away."""
    made = {}
    for name, model in types().items():
        kind, version = kind_and_version(name)
        place = f"examples/{kind}/{version}"
        if (folder / place).is_dir():
            continue
        small = least(model)
        made[f"{place}/full.json"] = to_json(full(model))
        made[f"{place}/least.json"] = to_json(small)
        small.pop(next(iter(small)))
        made[f"{place}/refused/incomplete.json"] = to_json(small)
    return made


def differences(folder: Path, wanted: dict[str, str]) -> list[tuple[str, str]]:
    """Files that are missing, that differ, or that nothing generates any more."""
    found = []
    for name, text in wanted.items():
        path = folder / name
        if not path.is_file():
            found.append((name, "is missing; run `make schemas`"))
        elif path.read_text(encoding="utf-8") != text:
            found.append((name, "is not as the models are; run `make schemas`"))
    strays = sorted(path.name for path in folder.glob("*.schema.json") if path.name not in wanted)
    return found + [(name, "belongs to no event") for name in strays]


def save(folder: Path, files: dict[str, str]) -> None:
    """Write the files; take away the schemas of events that are gone."""
    for path in folder.glob("*.schema.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _recorded(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


if __name__ == "__main__":
    typer.run(schemas)
