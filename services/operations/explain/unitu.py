"""What Unitu has of one person: the last snapshot of the tenant, and what the next one waits for. Pure."""

from services.operations.explain.evidence import Carried, PersonEvidence
from services.operations.explain.model import LastSnapshot
from shared.config.settings import Tenant
from shared.contract.email import is_another_account
from shared.contract.populations import book_of
from shared.contract.tenant_state import TenantState


def last_snapshot(found: PersonEvidence, slug: str, settings: Tenant) -> LastSnapshot:
    """Shape: ``slug`` is the tenant's. A tenant that nothing is known of has no accepted snapshot yet."""
    state = found.tenant or TenantState(tenant=slug)
    account, person = found.account, found.person
    ref = f"{book_of(account.school, account.kind)}/{account.student_id}"
    email = delivered_email(state, ref)
    carried = found.carried
    if email is not None and state.accepted is not None:
        carried = Carried(state.accepted.number, state.accepted.accepted_at)
    own = account.details.email if account.details and account.status == "enabled" else None
    return LastSnapshot(
        tenant=slug,
        mode=settings.mode,
        number=state.accepted.number if state.accepted else None,
        at=state.accepted.accepted_at if state.accepted else None,
        is_in_it=email is not None and state.accepted is not None,
        carried_number=carried.number if carried else None,
        carried_at=carried.at if carried else None,
        email=email or state.former.get(ref),
        waits_as=own if email and own and is_another_account(email, own) else None,
        is_unknown=state.intent is not None or state.unknown is not None,
        is_behind=person is None or person.at < account.offset,
        held=tuple(reason.message for reason in state.held.reasons) if state.held else (),
        refused=state.complaints.get(ref, "" if ref in state.refused else None),
    )


def delivered_email(state: TenantState, ref: str) -> str | None:
    """The address under which somebody (book/person) is in the tenant's roster."""
    return next((seat.email or key for key, seat in state.roster.items() if seat.ref == ref), None)
