"""``rollcall publish``: the newest snapshot of a tenant goes now, and what a person lets go goes with it."""

from typing import Annotated

import typer

from services.cli.invocation import AsJson, Note, config_of, exits, login_name
from services.cli.output import print_json, print_line
from services.cli.releasable import tell_release
from services.cli.tenant import Tenant
from services.operations.errors import Code
from services.operations.names import known_tenant

REFUSED = 2


def publish(
    context: typer.Context,
    tenant: Tenant,
    release: Annotated[
        list[str] | None,
        typer.Option("--release", metavar="HASH", help="Let go what is held under this hash; may be repeated."),
    ] = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """
    Have the tenant's newest snapshot sent now, even if identical, and although Unitu rejected the last one.

    What holds it still holds it: `rollcall tenant show` says what, and the hash of what a person may let go. A hash
    names exactly what was shown: if it has changed since, nothing is let go. Exit codes: 0 asked for, 2 no such
    tenant, or nothing is held under a hash, 3 there is no whole roster yet.
    """
    from services.operations.requests import publish as requests
    from services.operations.tenants.desk import desk_of

    exits(context, {Code.OUTDATED: REFUSED})
    config = config_of(context)
    known_tenant(config, tenant)
    with desk_of(config) as desk:
        ordered = requests.publish(desk, tenant, login_name(), note, release=release or ())
    if as_json:
        print_json(ordered)
        return
    for one in ordered.released:
        tell_release(one)
    print_line(f"Asked for: the newest snapshot of {tenant}.")
