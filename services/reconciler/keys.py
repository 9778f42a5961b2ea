"""
The hashes of a lane in the store: how they are called, and what each entry of one says of somebody. Pure.

Everything about one person lives in that person's record; the hashes beside it (digests, e-mails, who waits for one,
who has something pending, recent removals) are derived from the records by these functions, in ``accounts`` and in
``rebuild``.
"""

from collections.abc import Iterable

import msgspec

from services.reconciler.budget_usage import entry_of
from services.reconciler.certificate import weight
from shared.contract.account_state import AccountState
from shared.contract.email import email_key

_names_decoder = msgspec.json.Decoder(tuple[str, ...])

SCHOOLS = "schools"
ROLLS = "rolls"
STRUCTURES = "structures"


def students(book: str) -> str:
    """Each person's record, by id."""
    return f"students:{book}"


def digests(book: str) -> str:
    """Of each person what ``digest_entry`` says, by id."""
    return f"digests:{book}"


def emails(book: str) -> str:
    """Who holds an e-mail, by the e-mail as compared."""
    return f"emails:{book}"


def waiting(book: str) -> str:
    """Who waits for an e-mail, by the e-mail as compared."""
    return f"waiting:{book}"


def pending(book: str) -> str:
    """Whom the next close must look at, by id."""
    return f"pending:{book}"


def recent(book: str) -> str:
    """What the guard's windows count of somebody, by id."""
    return f"recent:{book}"


def chunks(book: str) -> str:
    """The chunks of the open sweep's roll that have arrived, by number."""
    return f"chunks:{book}"


def email_of(state: AccountState | None) -> str | None:
    """The e-mail that an account holds: an enabled one's, as compared."""
    if state is None or state.status != "enabled" or state.details is None:
        return None
    return email_key(state.details.email)


def names(value: bytes | None) -> tuple[str, ...]:
    """The ids in an entry of ``waiting``, in their order."""
    return () if value is None else _names_decoder.decode(value)


def names_entry(ids: tuple[str, ...]) -> bytes:
    return msgspec.json.encode(ids)


def in_line(ids: Iterable[str]) -> tuple[str, ...]:
    """Those who wait for one e-mail, the next first: by id, since no record says who came first."""
    return tuple(sorted(ids))


def second_holder(address: str, student: str) -> str:
    """
    Where the second of two accounts that hold one e-mail is noted. Only a rebuild from a batch that was half published
    meets that; the batch is then decided again, and it goes. No e-mail has a line break.
    """
    return f"{address}\n{student}"


def digest_entry(state: AccountState) -> bytes:
    """What the first comparison sees: the 16 bytes last taken, or, while more is pending, nothing that equals any."""
    waits = state.staged or state.unenrol or state.absence or state.waits_for_email
    return b"" if waits or state.assessed is None else bytes.fromhex(state.assessed)


def is_pending(state: AccountState) -> bool:
    """Whether the next close must look at this student though nothing of them is sent again."""
    return bool(
        state.staged
        or state.unenrol
        or state.absence
        or state.held
        or state.update
        or state.create is not None
        or state.enable is not None
        or state.email_change is not None
        or (state.status == "enabled" and (state.other_id is not None or not state.in_roll))
    )


def recent_entry(state: AccountState | None) -> bytes | None:
    """What the guard's windows are counted from."""
    if state is None or (not state.spent and state.disabled_at is None):
        return None
    return msgspec.json.encode(entry_of(state))


def roll_entry(ids: Iterable[str]) -> bytes:
    """The ids of a roll, one a line: no id has a line break."""
    return "\n".join(sorted(ids)).encode()


def in_sum(state: AccountState | None) -> int:
    """What somebody adds to the content sum, which runs over the roll."""
    return weight(state.student_id, state) if state is not None and state.in_roll else 0
