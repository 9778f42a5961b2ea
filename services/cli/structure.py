"""``rollcall structure``: what Unitu has of a tenant's structure, and whom it keeps out until it is confirmed."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, invocation_of, login_name
from services.cli.output import print_json, print_table, tell_error
from services.cli.tenant import Tenant, known
from services.operations.names import wrong
from shared.errors import RollcallError

if TYPE_CHECKING:
    from services.publisher.decisions import Desk
    from services.publisher.structure_ledger import Codes
    from services.publisher.unconfirmed import Standing
    from shared.contract.entities import EntityList

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="What Unitu has of a tenant's structure: new, told, confirmed; and whom it keeps out until then.",
)

NOT_WHOLE = 3
LISTS = ("faculties", "departments", "programmes", "modules")


class NotOurs(RollcallError):
    """A list that has nothing of the tenant: the wrong file, or the wrong column."""


Which = Annotated[
    str | None, typer.Option("--list", metavar="LIST", help=f"Only this one: {', '.join(LISTS)}.", show_default="all")
]


@app.callback()
def structure(context: typer.Context, tenant: Tenant) -> None:
    """
    What Unitu has of a tenant's structure, and whom it keeps out.

    Unitu creates no faculty, department, programme or module by a snapshot: a person there does. Until somebody says so
    here, whoever is in one that is not confirmed counts as blocked.
    """


@app.command("list", epilog="Exit codes: 0 shown, 2 wrong command line or configuration, 3 no whole roster yet.")
def list_(
    context: typer.Context,
    which: Which = None,
    all_: Annotated[bool, typer.Option("--all", help="Also what is confirmed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is not confirmed, what would unblock most students first."""
    name = _list_named(which)
    with _desk(context) as (desk, tenant):
        found = [one for one in desk.structure(tenant) if name in (None, one.list)]
    shown = [one for one in found if all_ or one.state != "confirmed"]
    if as_json:
        print_json([asdict(one) for one in shown])
        return
    counts = Counter(one.state for one in found)
    if shown:
        columns = ("list", "code", "name", "belongs to", "state", "since", "students unblocked")
        print_table(columns, [_row(one) for one in shown])
    typer.echo(", ".join(f"{counts[state]} {state}" for state in ("new", "told", "confirmed")))


@app.command(
    epilog="Exit codes: 0 done, 1 another key than was adopted, 2 wrong command line or code, 3 no whole roster yet."
)
def confirm(
    context: typer.Context,
    code: Annotated[list[str] | None, typer.Argument(metavar="[CODE]...", help="As the snapshot has it.")] = None,
    which: Which = None,
    all_: Annotated[bool, typer.Option("--all", help="Whatever `list` shows now.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back: Unitu does not have these.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say that Unitu has these now. Whoever was blocked by them is enrolled by a snapshot that goes at once."""
    name = _list_named(which)
    if bool(code) == all_:
        raise wrong("name the codes, or say --all")
    with _desk(context) as (desk, tenant):
        found = [one for one in desk.structure(tenant) if name in (None, one.list)]
        before = [one for one in found if (one.state == "confirmed") == undo]
        chosen = before if all_ else _chosen(found, code or ())
        codes = _by_list((one.list, one.code) for one in chosen)
        if undo:
            desk.doubt_structure(tenant, codes)
        else:
            desk.confirm_structure(tenant, codes, login_name())
    changed = [one for one in chosen if one in before]
    if as_json:
        print_json({"tenant": tenant, "changed": [{"list": one.list, "code": one.code} for one in changed]})
        return
    what = "Taken back" if undo else "Confirmed"
    typer.echo(f"{what}: {_counted(codes_of(changed))}; {len(chosen) - len(changed)} were so already.")


@app.command("import", epilog="Exit codes: 0 done, 1 the file cannot be read or is of another tenant, 3 see `list`.")
def import_(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV, or JSON like a sync body's lists.")
    ],
    which: Which = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="The file has all that Unitu has: what it lacks is no longer confirmed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Confirm whatever a list of Unitu's entities has, also what no snapshot has had yet."""
    from services.publisher.entity_list import read_entities

    read = read_entities(file.read_bytes(), _list_named(which))
    with _desk(context) as (desk, tenant):
        before = desk.structure(tenant)
        ours = {(one.list, one.code) for one in before}
        known_codes = {(name, code) for name, codes in read.codes.items() for code in codes} & ours
        if ours and not known_codes:
            raise NotOurs(
                f"{file.name} has {read.words}, and none of it is {tenant}'s: see `rollcall structure {tenant} list`"
            )
        desk.confirm_structure(tenant, read.codes, login_name(), is_all=whole)
        after = {(one.list, one.code): one.state for one in desk.structure(tenant)}
    was = {(one.list, one.code): one.state for one in before}
    new = [key for key, state in after.items() if state == "confirmed" != was.get(key)]
    gone = [key for key, state in was.items() if state == "confirmed" != after.get(key)]
    left = [key for key in after if after[key] != "confirmed"]
    if as_json:
        print_json({"tenant": tenant, "read": read.codes, "confirmed": new, "doubted": gone, "unconfirmed": left})
        return
    typer.echo(f"Read: {read.words}.")
    typer.echo(f"Confirmed: {len(new)} more; no longer confirmed: {len(gone)}; of the snapshot not in it: {len(left)}.")


def _list_named(which: str | None) -> "EntityList | None":
    """Raises: OperationError (wrong-word)."""
    from services.publisher.structure_ledger import LISTS as NAMES

    if which is None:
        return None
    for name in NAMES:
        if name == which:
            return name
    raise wrong(f"--list {which}: there is no such list; there are: {', '.join(LISTS)}")


@contextmanager
def _desk(context: typer.Context) -> "Iterator[tuple[Desk, str]]":
    """The desk, and the tenant that the command is about. Ends with 3 while there is no whole roster."""
    from services.publisher.app import DeskParts
    from services.publisher.decisions import NotWhole

    group: Any = context.parent
    tenant = str(group.params["tenant"])
    with DeskParts(known(context, tenant)) as desk:
        try:
            yield desk, tenant
        except NotWhole as error:
            tell_error(error, as_json=invocation_of(context).as_json)
            raise typer.Exit(NOT_WHOLE) from error


def _chosen(found: "Sequence[Standing]", codes: Collection[str]) -> "list[Standing]":
    """Raises: OperationError (wrong-word) for a code that nothing has, or that is in two lists."""
    chosen = []
    for code in codes:
        named = [one for one in found if one.code == code]
        if not named:
            raise wrong(f"{code}: the newest snapshot has no such code; `list --all` shows those that it has")
        if len(named) > 1:
            raise wrong(f"{code}: in {' and in '.join(one.list for one in named)}; say which with --list")
        chosen += named
    return chosen


def codes_of(found: "Sequence[Standing]") -> "Codes":
    return _by_list((one.list, one.code) for one in found)


def _by_list(pairs: Any) -> "Codes":
    codes: dict[EntityList, list[str]] = {}
    for name, code in pairs:
        codes.setdefault(name, []).append(code)
    return codes


def _counted(codes: "Codes") -> str:
    return ", ".join(f"{len(of)} {name}" for name, of in codes.items()) or "nothing"


def _row(one: "Standing") -> tuple[object, ...]:
    return (one.list, one.code, one.name or "(no longer sent)", one.belongs_to, one.state, one.since, one.students)
