"""``rollcall tenant``: who is in a tenant's roster, the yes to it, and the release of changed e-mails."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, Operator, Yes, config_of, invocation_of, login_name
from services.cli.output import print_json, print_table, tell_error
from services.cli.releasable import tell_release
from shared.books import book_of, words_of

if TYPE_CHECKING:
    from services.publisher.adopt import Shown
    from shared.config import Config
    from shared.tenant import TenantState

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The tenants: adopt a roster, release e-mails.")

REFUSED, NOT_ADOPTED, NOT_WHOLE = 2, 1, 3
LISTED = 50  # e-mails that are shown to a person; --json has all

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="Its name in the configuration.")]


@app.command(
    epilog="Exit codes: 0 adopted, 1 not adopted, 2 wrong command line or configuration, 3 no whole roster yet."
)
def adopt(
    context: typer.Context,
    tenant: Tenant,
    accounts: Annotated[
        Path | None,
        typer.Option(
            "--accounts", metavar="FILE.csv", exists=True, dir_okay=False, help="Unitu's accounts, with their e-mails."
        ),
    ] = None,
    without_area: Annotated[
        list[str] | None,
        typer.Option("--without-area", metavar="SCHOOL/AREA", help="Go without what was never read; may be repeated."),
    ] = None,
    yes: Yes = False,
    operator: Operator = "",
    as_json: AsJson = False,
) -> None:
    """
    Show the tenant's roster and whom the first snapshot would disable at Unitu; with a yes, adopt it.

    The yes is bound to what was shown. Without a list of accounts nobody can say whom Unitu has besides.
    """
    from services.publisher.adopt import NotWhole, emails_of
    from services.publisher.app import DeskParts

    config = known(context, tenant)
    theirs = None if accounts is None else emails_of(accounts.read_text(encoding="utf-8-sig"))
    with DeskParts(config) as desk:
        try:
            shown = desk.show(tenant, theirs, without_area or ())
        except NotWhole as error:
            tell_error(error, as_json=as_json)
            raise typer.Exit(NOT_WHOLE) from error
        if not as_json:
            _tell(shown)
        is_yes = yes or (not as_json and _asked(shown))
        if is_yes:
            desk.adopt(shown, operator or login_name())
    if as_json:
        print_json(as_dict(shown) | {"is_adopted": is_yes})
    elif is_yes:
        typer.echo(f"Adopted: {len(shown.roster)} e-mails ({shown.bound[:12]}).")
    else:
        typer.echo("Not adopted.", err=True)
    if not is_yes:
        raise typer.Exit(NOT_ADOPTED)


@app.command()
def show(context: typer.Context, tenant: Tenant, as_json: AsJson = False) -> None:
    """What is known of the tenant: its last snapshot, what holds it, who waits for an e-mail to be released."""
    from services.publisher.adopt import NotWhole
    from services.publisher.app import DeskParts

    config = known(context, tenant)
    with DeskParts(config) as desk:
        state = desk.state(tenant)
        try:
            waits: Any = desk.waits(tenant)
            releasable = desk.holds(tenant)
        except NotWhole:
            waits, releasable = None, ()
    facts = state_as_dict(config, state)
    if as_json:
        print_json(facts | {"waits": waits, "releasable": releasable})
        return
    print_table(("", ""), [(name.replace("_", " "), _cell(value)) for name, value in facts.items()])
    if waits:
        typer.echo("")
        _tell_waits(waits)
    for hold in releasable:
        typer.echo("")
        tell_release(hold)


@app.command(
    "release-emails", epilog="Exit codes: 0 released or nothing waits, 1 not released, 3 there is no whole roster yet."
)
def release_emails(
    context: typer.Context,
    tenant: Tenant,
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="EMAIL", help="The old or the new one; may be repeated.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """
    Let changed e-mails go to Unitu: all that wait, or those named.

    Unitu has no way to rename an account: rename it there first, or the new e-mail becomes a new account.
    """
    from services.publisher.adopt import NotWhole
    from services.publisher.app import DeskParts

    config = known(context, tenant)
    with DeskParts(config) as desk:
        try:
            found = desk.waiting(tenant, email or ())
            if found and not yes:
                if not as_json:
                    _tell_waits(found)
                if as_json or not _confirmed(f"Release {len(found)} changed e-mails?"):
                    typer.echo("Not released; say --yes.", err=True)
                    raise typer.Exit(NOT_ADOPTED)
            released = desk.release(tenant, found)
        except NotWhole as error:
            tell_error(error, as_json=as_json)
            raise typer.Exit(NOT_WHOLE) from error
    if as_json:
        print_json({"tenant": tenant, "released": released})
    else:
        typer.echo(f"Released: {len(released)}.")


def known(context: typer.Context, tenant: str) -> "Config":
    """The configuration, if it has this tenant; else the command line is wrong."""
    config = config_of(context)
    if tenant not in config.tenants:
        names = ", ".join(sorted(config.tenants)) or "none"
        error = LookupError(f"no tenant {tenant!r} in the configuration; there: {names}")
        tell_error(error, as_json=invocation_of(context).as_json)
        raise typer.Exit(REFUSED)
    return config


def as_dict(shown: "Shown") -> dict[str, Any]:
    return {
        "tenant": shown.tenant,
        "schools": shown.by_school,
        "staff": shown.staff_count,
        "roster": {"count": len(shown.roster), "hash": shown.roster_hash},
        "accounts_given": shown.has_accounts,
        "kept": shown.kept_count,
        "provisioned": shown.provisioned_count,
        "disabled": shown.disabled,
        "left_out": shown.left_out_count,
        "waits": shown.waits,
        "is_behind": shown.is_behind,
        "bound": shown.bound,
    }


def state_as_dict(config: "Config", state: "TenantState") -> dict[str, Any]:
    settings, adoption, accepted = config.tenants[state.tenant], state.adoption, state.accepted
    return {
        "tenant": state.tenant,
        "mode": settings.mode,
        "schools": config.schools_of(state.tenant),
        "adopted": adoption and {"at": adoption.at, "operator": adoption.operator, "count": adoption.roster_count},
        "accepted": accepted and {"number": accepted.number, "at": accepted.at, "digest": accepted.digest},
        "roster": len(state.roster),
        "open_intent": state.intent and {"number": state.intent.number, "ends_at": state.intent.ends_at},
        "is_outcome_unknown": state.unknown is not None or state.intent is not None,
        "held": state.held,
        "retry_not_before": state.not_before,
        "resend_at": state.resend_at,
        "released_emails": len(state.email_releases),
    }


def _tell(shown: "Shown") -> None:
    rows: list[tuple[str, object]] = [(f"students of {school}", count) for school, count in shown.by_school.items()]
    if shown.has_staff:
        rows.append(("staff", shown.staff_count))
    rows += [
        ("e-mails in the roster", len(shown.roster)),
        ("at Unitu already, kept", shown.kept_count),
        ("new to Unitu", shown.provisioned_count),
        ("would be disabled", len(shown.disabled)),
        ("left out (no e-mail that is free)", shown.left_out_count),
    ]
    print_table(("", shown.tenant), rows)
    if shown.disabled:
        typer.echo("\nWould be disabled:")
        for email in shown.disabled[:LISTED]:
            typer.echo(f"  {email}")
        if len(shown.disabled) > LISTED:
            typer.echo(f"  and {len(shown.disabled) - LISTED} more; --json has all")
    if not shown.has_accounts:
        typer.echo(
            "\nNo list of Unitu's accounts was given (--accounts FILE.csv): Unitu disables every account that it has"
            " and this roster lacks, and nobody can show here whose they are.",
            err=True,
        )
    if shown.is_behind:
        typer.echo("\nWhat is shown is older than the last accepted snapshot.", err=True)


def _tell_waits(waits: Any) -> None:
    print_table(
        ("school", "person", "known to Unitu as", "the school says"),
        [(words_of(book_of(wait.school, wait.kind)), wait.person, wait.delivered, wait.own) for wait in waits],
    )


def _asked(shown: "Shown") -> bool:
    return _confirmed(f"Adopt this roster of {len(shown.roster)}, and let {len(shown.disabled)} be disabled?")


def _confirmed(question: str) -> bool:
    """Only a person at a terminal is asked; a program says --yes."""
    return _is_at_terminal() and typer.confirm(question)


def _is_at_terminal() -> bool:
    return sys.stdin.isatty()


def _cell(value: Any) -> object:
    import msgspec

    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, msgspec.Struct):
        held: Any = value
        part = " of some people" if held.is_partial else ""
        return f"{held.kind}{part} since {held.since}: " + "; ".join(reason.message for reason in held.reasons)
    return "-" if value is None else value
