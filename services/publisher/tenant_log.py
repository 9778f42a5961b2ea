"""
Which records of the topic ``tenant-state`` count: the first of each revision, under their own tenant's key and in its
lane, and, where tenants' states are signed, with the signature of whoever has the operators' key.

Whoever can write to the topic could otherwise adopt a roster in anybody's name. What stood in the topic before the
first publisher with a key began is not signed, and counts until that has written it once more.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from services.publisher.rekeyed import rekeyed
from shared.contract.codec import Message, Record, decode
from shared.contract.signatures import HEADER, is_signed, name_of, sign
from shared.contract.tenant_state import TenantState
from shared.errors import Poison, Retryable
from shared.lanes.partition import lane_of

UNSIGNED = "nobody with the key under [operators] has signed it"


class NeedsKey(Retryable):
    """
    The states are signed and this process has no key: what it wrote would count for nobody, and it could not tell what
    counts. Nothing is sent until somebody gives it the key.
    """

    def __init__(self) -> None:
        super().__init__("tenants' states are signed, and this process has no key: set key under [operators]")


@dataclass(frozen=True)
class LaneMark:
    """How far a lane was read into the store. ``key``: of what name its states are signed with, "" where none are."""

    offset: int
    key: str = ""

    def encode(self) -> bytes:
        return json.dumps({"offset": self.offset, "key": self.key} if self.key else {"offset": self.offset}).encode()

    @classmethod
    def decode(cls, value: bytes) -> "LaneMark":
        found = json.loads(value)
        return cls(int(found["offset"]), str(found.get("key", "")))


@dataclass
class Taken:
    """
    A stretch of the log. ``news``: the states that are newer than what was known. ``writers``: who wrote the last
    record of each key, None where that does not count. ``refused``: how many do not, and ``reason`` of the first.
    """

    offset: int
    news: dict[str, TenantState] = field(default_factory=dict)
    writers: dict[str, str | None] = field(default_factory=dict)
    refused: int = 0
    reason: str = ""
    signed: set[str] = field(default_factory=set)
    unsigned: set[str] = field(default_factory=set)

    def refuse(self, reason: str) -> None:
        self.refused += 1
        self.reason = self.reason or reason

    def add(self, state: TenantState, known: TenantState | None, *, is_signed: bool) -> None:
        """A record that may count: it does if it is newer, or the first that is signed."""
        self.writers[state.tenant] = state.writer
        before = self.news.get(state.tenant) or known
        if before is None or state.revision > before.revision or (is_signed and state.tenant in self.unsigned):
            self.news[state.tenant] = state
            (self.unsigned.discard if is_signed else self.unsigned.add)(state.tenant)
        if is_signed:
            self.signed.add(state.tenant)

    def drop_unsigned(self) -> None:
        """The lane was signed before: whatever is not came afterwards."""
        for tenant in self.unsigned:
            del self.news[tenant]
            self.writers[tenant] = None
            self.refuse(f"the state of {tenant}: {UNSIGNED}")
        self.unsigned = set()

    def unsigned_of(self, states: Mapping[str, TenantState]) -> list[TenantState]:
        """Those that the log does not have signed, as far as this stretch of it tells."""
        return [one for tenant, one in states.items() if tenant not in self.news or tenant in self.unsigned]

    def overwritten(self, states: Mapping[str, TenantState]) -> list[TenantState]:
        """What compaction would lose: the last record of the key is another than the one that counts."""
        return [state for tenant, state in states.items() if self.writers.get(tenant, state.writer) != state.writer]


class StateKey:
    """
    The operators' key, as far as tenants' states are concerned; ``secret`` None: there is none.

    ``begins``: this process makes states that nobody signed yet into signed ones. Publishers do; the command line goes
    by what it finds, so that looking at a tenant stops no publisher that has no key.
    """

    def __init__(self, secret: SecretStr | None = None, *, begins: bool = True) -> None:
        self._secret = None if secret is None else secret.get_secret_value()
        self._begins = begins
        self.name = "" if self._secret is None else name_of(self._secret)

    def begins_with(self, mark: LaneMark | None) -> bool:
        """Whether a lane's states are to be signed now: at last, or with another key than before. Raises: NeedsKey."""
        before = "" if mark is None else mark.key
        if before and not self.name:
            raise NeedsKey
        return self.name != before and (self._begins or bool(before))

    def sign(self, message: Message) -> Message:
        return message if self._secret is None else sign(message, self._secret)

    def has_signed(self, record: Record) -> bool:
        """False: nobody has signed it. Raises: NeedsKey; Poison, where it was another key, or another record."""
        if record.raw_header(HEADER) is None:
            return False
        if self._secret is None:
            raise NeedsKey
        if not is_signed(record, self._secret):
            raise Poison("its signature is of another key, or of another record; see key under [operators]")
        return True


def take(
    records: Iterable[Record], key: StateKey, mark: LaneMark | None, known: Mapping[str, TenantState], partitions: int
) -> Taken:
    """
    ``mark`` is of what is ``known``: where it names no key, what is not signed counts, unless something of the same
    tenant is; where nothing is known, unless anything is. Raises: NeedsKey.
    """
    taken = Taken(-1)
    must_be_signed = mark is not None and bool(mark.key)
    for record in records:
        taken.offset = record.offset + 1
        taken.writers[record.key] = None
        try:
            state, is_signed = _state(record, partitions), key.has_signed(record)
            if not is_signed and (must_be_signed or state.tenant in taken.signed):
                raise Poison(UNSIGNED)
        except Poison as reason:
            taken.refuse(f"offset {record.offset}: {reason}")
            continue
        taken.add(state, known.get(state.tenant), is_signed=is_signed)
    if mark is None and taken.signed:
        taken.drop_unsigned()
    return taken


def _state(record: Record, partitions: int) -> TenantState:
    """Raises: Poison."""
    state = decode(record.header("ce_type"), record.value)
    if not isinstance(state, TenantState):
        raise Poison(f"a {type(state).__name__} is no state of a tenant")
    if state.tenant != record.key:
        raise Poison("its key is not its tenant")
    if lane_of(state.tenant, partitions) != record.lane:
        raise Poison("its lane is not its tenant's")
    return rekeyed(state)
