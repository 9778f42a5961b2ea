"""``rollcall publish``: the newest snapshot of a tenant goes now, and what a person lets go goes with it."""

from typing import Annotated

import typer

from services.cli.invocation import AsJson
from services.cli.output import print_json, tell_error
from services.cli.releasable import tell_release
from services.cli.tenant import Tenant, known

REFUSED, NOT_WHOLE = 2, 3


def publish(
    context: typer.Context,
    tenant: Tenant,
    release: Annotated[
        list[str] | None,
        typer.Option("--release", metavar="HASH", help="Let go what is held under this hash; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """
    Have the tenant's newest snapshot sent now, even if identical, and although Unitu rejected the last one.

    What holds it still holds it: `rollcall tenant show` says what, and the hash of what a person may let go. A hash
    names exactly what was shown: if it has changed since, nothing is let go. Exit codes: 0 asked for, 2 no such
    tenant, or nothing is held under a hash, 3 there is no whole roster yet.
    """
    from services.publisher.app import DeskParts
    from services.publisher.decisions import NotWhole, Outdated

    config = known(context, tenant)
    with DeskParts(config) as desk:
        try:
            released = desk.let_go(tenant, release) if release else ()
        except (Outdated, NotWhole) as error:
            tell_error(error, as_json=as_json)
            raise typer.Exit(NOT_WHOLE if isinstance(error, NotWhole) else REFUSED) from error
        desk.hasten(tenant)
    if as_json:
        print_json({"tenant": tenant, "is_asked_for": True, "released": released})
        return
    for one in released:
        tell_release(one)
    typer.echo(f"Asked for: the newest snapshot of {tenant}.")
