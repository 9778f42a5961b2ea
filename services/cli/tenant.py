"""``rollcall tenant``: a tenant's roster and the yes to it, the yes to its key, the release of changed e-mails."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.invocation import AsJson, Note, config_of, login_name
from services.cli.output import print_json, print_line
from services.cli.releasable import tell_release
from services.cli.tenant_text import tell_facts, tell_orders, tell_preview, tell_waits
from services.operations.names import known_tenant, wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.operations.tenants.adoption import Preview

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The tenants: adopt a roster, confirm a key, release e-mails."
)

NOT_ADOPTED = 1

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
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """
    Show the tenant's roster and whom the first snapshot would disable at Unitu; with a yes, adopt it.

    The yes is bound to what was shown, by its hash. What is shown to be risky needs a word of its own (--accept).
    """
    from services.operations.tenants import adoption
    from services.operations.tenants.desk import desk_of

    config = config_of(context)
    known_tenant(config, tenant)
    words = _words(accept or (), accounts, without_accounts=without_accounts)
    files = [path.read_bytes() for path in accounts or ()]
    with desk_of(config) as desk:
        shown = adoption.preview(desk, adoption.AdoptionWish(tenant, files, without_area or ()))
        if not as_json:
            tell_preview(shown)
        if yes is None and not as_json and _is_at_terminal():
            adoption.check_words(shown, words)
            yes = shown.bound if _asked(shown) else None
        if yes is not None:
            adoption.adopt(desk, shown, yes, words, login_name(), note)
    if as_json:
        print_json(adoption.answer_of(shown, is_adopted=yes is not None))
    elif yes is not None:
        print_line(f"Adopted: {len(shown.shown.roster)} e-mails ({shown.bound[: adoption.SHORT]}).")
    else:
        print_line(f"Not adopted; to adopt what is shown, say --yes {shown.bound[: adoption.SHORT]}", err=True)
    if yes is None:
        raise typer.Exit(NOT_ADOPTED)


def _words(accept: "Sequence[str]", accounts: object, *, without_accounts: bool) -> set[str]:
    """Raises: OperationError (wrong-word)."""
    from services.operations.tenants.adoption import words_of

    if without_accounts and accounts:
        raise wrong("--without-accounts and --accounts: only one of them can be meant")
    return words_of(accept, without_accounts=without_accounts)


@app.command("confirm-key", epilog="Exit codes: 0 confirmed, 1 not confirmed, 2 wrong command line or configuration.")
def confirm(
    context: typer.Context,
    tenant: Tenant,
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="FINGERPRINT", help="The configured key's; it is shown without.")
    ] = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """
    Say that the API key that is configured now is of the institution whose roster was adopted.

    A key is changed now and then, which is normal, and the tenant is held until somebody has looked: with the key of
    another institution, each snapshot would disable everybody there. The key itself is never shown.
    """
    from services.operations.tenants.desk import desk_of
    from services.operations.tenants.facts import confirm_key, key_of

    config = config_of(context)
    known_tenant(config, tenant)
    with desk_of(config) as desk:
        key = key_of(desk, tenant) if yes is None else confirm_key(desk, tenant, yes, login_name(), note)
    if as_json:
        print_json(key)
    elif key.is_confirmed:
        print_line(f"Confirmed: the key {key.configured} is {tenant}'s.")
    else:
        adopted = key.adopted or "(not known)"
        print_line(f"The roster was adopted for the key {adopted}; the configured one is {key.configured}.")
        print_line(f"If it is of the same institution, say --yes {key.configured}", err=True)
    if not key.is_confirmed:
        raise typer.Exit(NOT_ADOPTED)


@app.command()
def show(context: typer.Context, tenant: Tenant, as_json: AsJson = False) -> None:
    """What is known of the tenant: its last snapshot, what holds it, who waits for an e-mail to be released."""
    from services.operations.tenants.desk import desk_of
    from services.operations.tenants.facts import facts_of

    config = config_of(context)
    known_tenant(config, tenant)
    with desk_of(config) as desk:
        facts = facts_of(config, desk, tenant)
    if as_json:
        print_json(facts)
        return
    tell_facts(facts)
    if facts.orders:
        print_line()
        tell_orders(facts.orders)
    if facts.waits:
        print_line()
        tell_waits(facts.waits)
    for hold in facts.releasable:
        print_line()
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
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """
    Let changed e-mails go to Unitu: all that wait, or those named. The yes is bound to those that were shown.

    Unitu has no way to rename an account: rename it there first, or the new e-mail becomes a new account.
    """
    from services.operations.tenants import emails
    from services.operations.tenants.desk import desk_of

    config = config_of(context)
    known_tenant(config, tenant)
    with desk_of(config) as desk:
        shown = emails.waiting(desk, tenant, email or ())
        if yes is None and not shown.waits:
            yes = shown.hash
        if yes is None and not as_json:
            tell_waits(shown.waits)
            yes = shown.hash if _confirmed(f"Release {len(shown.waits)} changed e-mails?") else None
        released = emails.release(desk, tenant, shown, yes, login_name(), note) if yes is not None else ()
    if as_json:
        left = {} if yes is not None else {"waits": shown.waits, "hash": shown.hash}
        print_json({"tenant": tenant, "released": released} | left)
    elif yes is not None:
        print_line(f"Released: {len(released)}.")
    if yes is None:
        print_line(f"Not released; to release those that are shown, say --yes {shown.hash}", err=True)
        raise typer.Exit(NOT_ADOPTED)


def _asked(shown: "Preview") -> bool:
    roster, disabled = shown.shown.roster, shown.shown.disabled
    return _confirmed(f"Adopt this roster of {len(roster)}, and let {len(disabled)} be disabled?")


def _confirmed(question: str) -> bool:
    """Only a person at a terminal is asked; a program says --yes."""
    return _is_at_terminal() and typer.confirm(question)


def _is_at_terminal() -> bool:
    return sys.stdin.isatty()
