"""The newest snapshot of a tenant goes now, and what a person lets go goes with it."""

from collections.abc import Sequence

from services.operations.tenants.desk import refusals
from services.publisher.decisions import Desk
from services.publisher.releases import Releasable
from shared.contract.model import Frozen


class PublishOrdered(Frozen, omit_defaults=False, kw_only=True):
    """A tenant whose newest snapshot was asked for, and what was let go with it."""

    tenant: str
    is_asked_for: bool
    released: tuple[Releasable, ...]


def publish(desk: Desk, tenant: str, operator: str, note: str = "", *, release: Sequence[str] = ()) -> PublishOrdered:
    """
    Have it sent even if identical, and although Unitu rejected the last one. ``release``: the hashes of what is let go,
    each exactly what was shown under it. Raises: OperationError (outdated, not-whole); Retryable.
    """
    with refusals():
        released = desk.let_go(tenant, release, operator, note) if release else ()
        desk.publish(tenant, operator, note)
    return PublishOrdered(tenant=tenant, is_asked_for=True, released=released)
