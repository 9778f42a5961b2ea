"""``rollcall tenant``: a tenant's roster and the yes to it, the yes to its key, the release of changed e-mails."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.invocation import AsJson, config_of, invocation_of, login_name
from services.cli.output import print_json, tell_error
from services.cli.releasable import tell_release
from services.cli.tenant_text import as_dict, state_as_dict, tell_preview, tell_state, tell_waits
from services.operations.names import wrong

if TYPE_CHECKING:
    from services.publisher.preview import Shown
    from shared.config.settings import Config

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The tenants: adopt a roster, confirm a key, release e-mails."
)

REFUSED, NOT_ADOPTED, NOT_WHOLE = 2, 1, 3
SHORT = 12  # characters of a hash that are shown, and enough to say it

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="Its name in the configuration.")]
YesTo = Annotated[str | None, typer.Option("--yes", metavar="HASH", help="Do not ask: yes to what had this hash.")]


@app.command(
    epilog="Exit codes: 0 adopted, 1 not adopted, 2 wrong command line or configuration, 3 no whole roster yet."
)
def adopt(
    context: typer.Context,
    tenant: Tenant,
    accounts: Annotated[
        list[Path] | None,
        typer.Option(
            "--accounts",
            metavar="FILE.csv",
            exists=True,
            dir_okay=False,
            help="Unitu's accounts, with their e-mails; may be repeated.",
        ),
    ] = None,
    without_accounts: Annotated[
        bool, typer.Option("--without-accounts", help="Adopt without a list of Unitu's accounts.")
    ] = False,
    without_area: Annotated[
        list[str] | None,
        typer.Option("--without-area", metavar="SCHOOL/AREA", help="Go without what was never read; may be repeated."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="WORD", help="Have it although it was warned of; may be repeated."),
    ] = None,
    yes: YesTo = None,
    as_json: AsJson = False,
) -> None:
    """
    Show the tenant's roster and whom the first snapshot would disable at Unitu; with a yes, adopt it.

    The yes is bound to what was shown, by its hash. What is shown to be risky needs a word of its own (--accept).
    """
    from services.publisher.account_list import choose, read_table
    from services.publisher.app import DeskParts
    from services.publisher.decisions import NeedsWord, NotWhole

    config, words = known(context, tenant), _words(accept or (), accounts, without_accounts=without_accounts)
    tables = [read_table(path.read_bytes()) for path in accounts or ()]
    with DeskParts(config) as desk:
        try:
            without = without_area or ()
            ours = desk.emails(tenant, without) if tables else frozenset()
            lists = [choose(table, ours) for table in tables]
            theirs = [email for one in lists for email in one.emails] if tables else None
            shown = desk.show(tenant, theirs, without)
        except NotWhole as error:
            tell_error(error, as_json=as_json)
            raise typer.Exit(NOT_WHOLE) from error
        if not as_json:
            tell_preview(shown, lists)
        is_yes = _is_yes_to(shown, yes)
        if not is_yes and not as_json and _is_at_terminal():
            if missing := [one for one in shown.concerns if one.word not in words]:
                raise NeedsWord(missing)
            is_yes = _asked(shown)
        if is_yes:
            desk.adopt(shown, login_name(), words)
    if as_json:
        print_json(as_dict(shown, lists) | {"is_adopted": is_yes})
    elif is_yes:
        typer.echo(f"Adopted: {len(shown.roster)} e-mails ({shown.bound[:SHORT]}).")
    else:
        typer.echo(f"Not adopted; to adopt what is shown, say --yes {shown.bound[:SHORT]}", err=True)
    if not is_yes:
        raise typer.Exit(NOT_ADOPTED)


def _words(accept: "list[str] | tuple[()]", accounts: Any, *, without_accounts: bool) -> set[str]:
    """Raises: OperationError (wrong-word)."""
    from services.publisher.concerns import WITHOUT_ACCOUNTS, WORDS

    if unknown := [word for word in accept if word not in WORDS]:
        raise wrong(f"--accept {unknown[0]}: there is no such word; there are: {', '.join(WORDS)}")
    if without_accounts and accounts:
        raise wrong("--without-accounts and --accounts: only one of them can be meant")
    return {*accept, *([WITHOUT_ACCOUNTS] if without_accounts else [])}


def _is_yes_to(shown: "Shown", yes: str | None) -> bool:
    """Raises: Outdated, when the yes is to something else."""
    from services.publisher.decisions import Outdated

    if yes is None:
        return False
    if len(yes) < SHORT or not shown.bound.startswith(yes):
        raise Outdated(f"what is shown now ({shown.bound[:SHORT]}) is not what the yes is to ({yes}); look again")
    return True


@app.command("confirm-key", epilog="Exit codes: 0 confirmed, 1 not confirmed, 2 wrong command line or configuration.")
def confirm_key(
    context: typer.Context,
    tenant: Tenant,
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="FINGERPRINT", help="The configured key's; it is shown without.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Say that the API key that is configured now is of the institution whose roster was adopted.

    A key is changed now and then, which is normal, and the tenant is held until somebody has looked: with the key of
    another institution, each snapshot would disable everybody there. The key itself is never shown.
    """
    from services.publisher.app import DeskParts

    config = known(context, tenant)
    with DeskParts(config) as desk:
        state, key = desk.state(tenant), desk.fingerprint(tenant)
        adopted = state.adoption.fingerprint if state.adoption else ""
        if yes is not None:
            desk.confirm_key(tenant, yes, login_name())
    if as_json:
        print_json({"tenant": tenant, "adopted": adopted, "configured": key, "is_confirmed": yes is not None})
    elif yes is not None:
        typer.echo(f"Confirmed: the key {key} is {tenant}'s.")
    else:
        typer.echo(f"The roster was adopted for the key {adopted or '(not known)'}; the configured one is {key}.")
        typer.echo(f"If it is of the same institution, say --yes {key}", err=True)
    if yes is None:
        raise typer.Exit(NOT_ADOPTED)


@app.command()
def show(context: typer.Context, tenant: Tenant, as_json: AsJson = False) -> None:
    """What is known of the tenant: its last snapshot, what holds it, who waits for an e-mail to be released."""
    from services.publisher.app import DeskParts
    from services.publisher.decisions import NotWhole

    config = known(context, tenant)
    with DeskParts(config) as desk:
        state, key = desk.state(tenant), desk.fingerprint(tenant)
        try:
            waits: Any = desk.waits(tenant)
            releasable = desk.holds(tenant)
        except NotWhole:
            waits, releasable = None, ()
    facts = state_as_dict(config, state, key)
    if as_json:
        print_json(facts | {"waits": waits, "releasable": releasable})
        return
    tell_state(facts)
    if waits:
        typer.echo("")
        tell_waits(waits)
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
    yes: YesTo = None,
    as_json: AsJson = False,
) -> None:
    """
    Let changed e-mails go to Unitu: all that wait, or those named. The yes is bound to those that were shown.

    Unitu has no way to rename an account: rename it there first, or the new e-mail becomes a new account.
    """
    from services.publisher.app import DeskParts
    from services.publisher.decisions import NotWhole, Outdated, hash_of_waits

    config = known(context, tenant)
    with DeskParts(config) as desk:
        try:
            found = desk.waiting(tenant, email or ())
        except NotWhole as error:
            tell_error(error, as_json=as_json)
            raise typer.Exit(NOT_WHOLE) from error
        bound = hash_of_waits(found)
        if yes is not None and yes != bound:
            raise Outdated(f"those who wait now ({bound}) are not those that the yes is to ({yes}); look again")
        is_yes = yes is not None or not found
        if not is_yes and not as_json:
            tell_waits(found)
            is_yes = _confirmed(f"Release {len(found)} changed e-mails?")
        released = desk.release(tenant, found) if is_yes else ()
    if as_json:
        print_json({"tenant": tenant, "released": released} | ({} if is_yes else {"waits": found, "hash": bound}))
    elif is_yes:
        typer.echo(f"Released: {len(released)}.")
    if not is_yes:
        typer.echo(f"Not released; to release those that are shown, say --yes {bound}", err=True)
        raise typer.Exit(NOT_ADOPTED)


def known(context: typer.Context, tenant: str) -> "Config":
    """The configuration, if it has this tenant; else the command line is wrong."""
    config = config_of(context)
    if tenant not in config.tenants:
        names = ", ".join(sorted(config.tenants)) or "none"
        error = LookupError(f"no tenant {tenant!r} in the configuration; there: {names}")
        tell_error(error, as_json=invocation_of(context).as_json)
        raise typer.Exit(REFUSED)
    return config


def _asked(shown: "Shown") -> bool:
    return _confirmed(f"Adopt this roster of {len(shown.roster)}, and let {len(shown.disabled)} be disabled?")


def _confirmed(question: str) -> bool:
    """Only a person at a terminal is asked; a program says --yes."""
    return _is_at_terminal() and typer.confirm(question)


def _is_at_terminal() -> bool:
    return sys.stdin.isatty()
