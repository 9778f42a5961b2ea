"""Who somebody is, whatever their address: the same person under two accounts, or two people. Pure."""

from collections.abc import Sequence

from shared.contract.account_state import AccountState
from shared.contract.canonical_text import canonical
from shared.contract.model import Frozen, Student


class Identity(Frozen, array_like=True, kw_only=True):
    """
    ``name`` and ``born`` as they are compared, "" where the record has none. ``ids`` name one person for life; each
    begins with what it is an id of.
    """

    name: str = ""
    born: str = ""
    ids: tuple[str, ...] = ()


NOBODY = Identity()


def full_name(first: str | None, last: str | None) -> str:
    """Both names as they are compared."""
    return canonical(f"{first or ''} {last or ''}")


def identity_of(state: AccountState) -> Identity:
    """From the newest record of the person; of the account's own details where there is none."""
    record = state.assessment.student if state.assessment is not None else None
    if record is None:
        details = state.details
        return Identity(name=full_name(details.first_name, details.last_name)) if details else NOBODY
    return Identity(
        name=full_name(record.first_name or record.preferred_name, record.last_name),
        born=record.date_of_birth or "",
        ids=tuple(_ids(state.school, record)),
    )


def _ids(school: str, record: Student) -> Sequence[str]:
    named = {"upn": record.unique_pupil_number, "guid": record.person_guid}
    if record.feed_id is not None:
        named[f"feed {school}"] = record.feed_id
    return [f"{kind}:{value.strip().casefold()}" for kind, value in named.items() if value and value.strip()]


def is_one_person(one: Identity, other: Identity) -> bool:
    """
    Surely the same: by an id for life, which outweighs any name, or else by name and birth date. An id of one kind
    that differs says that they are two.
    """
    ids, others = _by_kind(one), _by_kind(other)
    both = ids.keys() & others.keys()
    if both:
        return all(ids[kind] == others[kind] for kind in both)
    return bool(one.name and one.born) and (one.name, one.born) == (other.name, other.born)


def _by_kind(one: Identity) -> dict[str, str]:
    return {kind: value for kind, _, value in (id.partition(":") for id in one.ids)}
