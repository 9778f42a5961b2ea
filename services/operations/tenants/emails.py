"""Changed e-mails that wait for a person, and their release: the yes is bound to those that were shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.operations.errors import Code, OperationError
from services.operations.tenants.desk import refusals
from services.publisher.decisions import Desk, hash_of_waits
from shared.contract.deliveries import EmailWait


@dataclass(frozen=True)
class EmailsWaiting:
    """Those who wait, and the hash by which a yes names exactly them."""

    waits: tuple[EmailWait, ...]
    hash: str


def waiting(desk: Desk, tenant: str, emails: Iterable[str] = ()) -> EmailsWaiting:
    """All, or those whose old or new e-mail is named. Raises: OperationError (not-whole); Retryable."""
    with refusals():
        found = desk.waiting(tenant, emails)
    return EmailsWaiting(found, hash_of_waits(found))


def release(
    desk: Desk, tenant: str, shown: EmailsWaiting, yes: str, operator: str, note: str = ""
) -> Sequence[EmailWait]:
    """
    Let them go; the tenant comes due at once. Raises: OperationError (outdated) where the yes is to others; Retryable.
    """
    if yes != shown.hash:
        words = f"those who wait now ({shown.hash}) are not those that the yes is to ({yes})"
        raise OperationError(Code.OUTDATED, words, "look again")
    return desk.release(tenant, shown.waits, operator, note)
