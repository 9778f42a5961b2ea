"""
What Rollcall itself holds of a school that pushes, for a gateway whose own memory is lost: the structure, and who is
who by the accounts. It proves nobody's absence.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.gateway.register import Register, of_accounts
from shared.config.settings import Config
from shared.contract.account_state import AccountState, StructureState
from shared.contract.codec import Record, decoder
from shared.contract.model import Kind, Structure
from shared.contract.populations import KINDS, book_of
from shared.contract.topics import ACCOUNT_STATE
from shared.kafka.client import read_compacted
from shared.lanes.partition import lane_of


@dataclass(frozen=True)
class Recalled:
    structure: Structure | None = None
    registers: dict[Kind, Register] = field(default_factory=dict)


def recall_school(config: Config, school: str) -> Recalled:
    """Raises: Retryable."""
    return recalled(read_compacted(config, ACCOUNT_STATE, lane_of(school, config.kafka.partitions)), school)


def recalled(records: Iterable[Record], school: str) -> Recalled:
    """Of each key the newest record counts: compaction may have left an older one behind it."""
    structure: StructureState | None = None
    accounts: dict[Kind, dict[str, AccountState]] = {kind: {} for kind in KINDS}
    of_kind: dict[str, Kind] = {book_of(school, kind): kind for kind in KINDS}
    for record in records:
        book, own = record.whose
        if book not in of_kind or not own:
            continue
        if own == "/structure":
            if record.value:
                state: StructureState = decoder(StructureState).decode(record.value)
                structure = state if structure is None or state.offset >= structure.offset else structure
            continue
        _take(accounts[of_kind[book]], own, record.value)
    registers = {
        kind: of_accounts(
            (own, one.details, one.status == "enabled") for own, one in found.items() if one.details is not None
        )
        for kind, found in accounts.items()
    }
    return Recalled(None if structure is None else structure.structure, registers)


def _take(accounts: dict[str, AccountState], own: str, value: bytes | None) -> None:
    if not value:
        accounts.pop(own, None)
        return
    account: AccountState = decoder(AccountState).decode(value)
    if own not in accounts or account.offset >= accounts[own].offset:
        accounts[own] = account
