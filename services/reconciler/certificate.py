"""What a certificate proves here: pure. It covers the roll and the content, or it proves nothing (DESIGN §4)."""

from collections.abc import Iterable, Mapping

from shared.contract.account_state import AccountState, SchoolState
from shared.contract.codec import MODULUS, content_hash, roll_hash
from shared.contract.events import Certificate, RollRead


def roll_of(
    school: SchoolState, certificate: Certificate, last_roll: frozenset[str], chunks: Iterable[RollRead]
) -> frozenset[str] | None:
    """The roll that the certificate names: the last one, or all the chunks of this sweep; None if it is not here."""
    if certificate.roll_hash == school.roll_hash:
        return last_roll
    arrived = {chunk.chunk: chunk for chunk in chunks}
    if not arrived:
        return None
    declared = next(iter(arrived.values())).chunks
    if set(arrived) != set(range(declared)) or any(chunk.chunks != declared for chunk in arrived.values()):
        return None
    ids = [student for chunk in arrived.values() for student in chunk.ids]
    if len(ids) != certificate.roll_count or len(set(ids)) != len(ids) or roll_hash(ids) != certificate.roll_hash:
        return None
    return frozenset(ids)


def sum_of(
    school: SchoolState, last_roll: frozenset[str], roll: frozenset[str], states: Mapping[str, AccountState]
) -> str:
    """
    The content sum over ``roll``, from the school's running sum over ``last_roll`` and the digests last taken.

    ``states`` has at least those who joined or left between the two rolls.
    """
    total = int(school.content_sum, 16)
    for student in roll - last_roll:
        total += weight(student, states.get(student))
    for student in last_roll - roll:
        total -= weight(student, states.get(student))
    return f"{total % MODULUS:032x}"


def weight(student_id: str, state: AccountState | None) -> int:
    """One student's part of the sum; nothing for somebody of whom no reading is held."""
    return content_hash(student_id, state.digest) if state is not None and state.digest else 0
