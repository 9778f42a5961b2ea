"""``rollcall structure``: what Unitu has of a tenant's structure, and whom it keeps out until it is confirmed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, Note, config_of, login_name
from services.cli.output import print_json, print_line, print_table
from services.cli.tenant import Tenant
from services.operations.names import known_tenant, wrong

if TYPE_CHECKING:
    from services.publisher.decisions import Desk
    from services.publisher.structure_ledger import Codes
    from services.publisher.unconfirmed import Standing

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="What Unitu has of a tenant's structure: new, told, confirmed; and whom it keeps out until then.",
)

LISTS = ("faculties", "departments", "programmes", "modules")

Which = Annotated[
    str | None, typer.Option("--list", metavar="LIST", help=f"Only this one: {', '.join(LISTS)}.", show_default="all")
]


@app.callback()
def of_tenant(context: typer.Context, tenant: Tenant) -> None:
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
    from services.operations.tenants.structure import list_named, structure_of

    only = list_named(which)
    with _desk(context) as (desk, tenant):
        found = structure_of(desk, tenant, only)
    shown = [one for one in found if all_ or one.state != "confirmed"]
    if as_json:
        print_json(shown)
        return
    counts = Counter(one.state for one in found)
    if shown:
        columns = ("list", "code", "name", "belongs to", "state", "since", "students unblocked")
        print_table(columns, [_row(one) for one in shown])
    print_line(", ".join(f"{counts[state]} {state}" for state in ("new", "told", "confirmed")))


@app.command(
    epilog="Exit codes: 0 done, 1 another key than was adopted, 2 wrong command line or code, 3 no whole roster yet."
)
def confirm(
    context: typer.Context,
    code: Annotated[list[str] | None, typer.Argument(metavar="[CODE]...", help="As the snapshot has it.")] = None,
    which: Which = None,
    all_: Annotated[bool, typer.Option("--all", help="Whatever `list` shows now.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back: Unitu does not have these.")] = False,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say that Unitu has these now. Whoever was blocked by them is enrolled by a snapshot that goes at once."""
    from services.operations.tenants import structure

    only = structure.list_named(which)
    if bool(code) == all_:
        raise wrong("name the codes, or say --all")
    codes = None if all_ else code
    with _desk(context) as (desk, tenant):
        if undo:
            done = structure.doubt(desk, tenant, codes, login_name(), note, only=only)
        else:
            done = structure.confirm(desk, tenant, codes, login_name(), note, only=only)
    if as_json:
        print_json({"tenant": tenant, "changed": [{"list": one.list, "code": one.code} for one in done.changed]})
        return
    what, left = "Taken back" if undo else "Confirmed", len(done.chosen) - len(done.changed)
    print_line(f"{what}: {_counted(structure.codes_of(done.changed))}; {left} were so already.")


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
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Confirm whatever a list of Unitu's entities has, also what no snapshot has had yet."""
    from services.operations.tenants.structure import import_list, list_named, read_list

    read = read_list(file.read_bytes(), list_named(which))
    with _desk(context) as (desk, tenant):
        done = import_list(desk, tenant, read, login_name(), note, name=file.name, is_whole=whole)
    if as_json:
        print_json(done)
        return
    print_line(f"Read: {read.words}.")
    print_line(
        f"Confirmed: {len(done.confirmed)} more; no longer confirmed: {len(done.doubted)}; of the snapshot not in it: "
        f"{len(done.unconfirmed)}."
    )


@contextmanager
def _desk(context: typer.Context) -> "Iterator[tuple[Desk, str]]":
    """The desk, and the tenant that the command is about."""
    from services.operations.tenants.desk import desk_of

    group: Any = context.parent
    config, tenant = config_of(context), str(group.params["tenant"])
    known_tenant(config, tenant)
    with desk_of(config) as desk:
        yield desk, tenant


def _counted(codes: "Codes") -> str:
    return ", ".join(f"{len(of)} {name}" for name, of in codes.items()) or "nothing"


def _row(one: "Standing") -> tuple[object, ...]:
    return (one.list, one.code, one.name or "(no longer sent)", one.belongs_to, one.state, one.since, one.students)
