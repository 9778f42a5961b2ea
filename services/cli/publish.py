"""``rollcall publish``: the newest snapshot of a tenant goes now, changed or not."""

import typer

from services.cli.invocation import AsJson
from services.cli.output import print_json
from services.cli.tenant import Tenant, known


def publish(context: typer.Context, tenant: Tenant, as_json: AsJson = False) -> None:
    """
    Have the tenant's newest snapshot sent now, even if identical, and although Unitu rejected the last one.

    What holds it still holds it: `rollcall tenant show` says what. Exit codes: 0 asked for, 2 no such tenant.
    """
    from services.publisher.app import DeskParts

    config = known(context, tenant)
    with DeskParts(config) as desk:
        desk.hasten(tenant)
    if as_json:
        print_json({"tenant": tenant, "is_asked_for": True})
    else:
        typer.echo(f"Asked for: the newest snapshot of {tenant}.")
