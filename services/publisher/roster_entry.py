"""
One person as the publisher keeps them: Unitu's JSON, cut where the e-mail stands, and the evidence of a disable. Pure.
"""

from typing import Literal

import msgspec

from services.publisher.identity import NOBODY, Identity, identity_of
from services.publisher.unprovisioned import as_if_provisioned, reasons_of, verdict_of
from shared.config.settings import School
from shared.contract.account_state import AccountState
from shared.contract.events import Evidence
from shared.contract.model import Details, Frozen, Kind
from shared.contract.populations import book_of

_json = msgspec.json.Encoder()


class Person(Frozen, array_like=True, kw_only=True):
    """
    The newest that ``account-state`` says of one account.

    ``person`` is the account's key within its book. Unitu's JSON is ``head`` + the e-mail + ``tail``: the e-mail that
    is sent is decided for the whole tenant. Both are empty for an account that has no details. A disabled account keeps
    them: while its removal is held, it is sent as it was. ``has_modules``: the record says which, were it none.

    ``verdict`` is that of who is on the roll ("" of who is not), ``reasons`` why one of them has no account of ours:
    their JSON is then what their record has, for the account that Unitu may have of them.
    """

    school: str
    person: str
    kind: Kind
    status: Literal["none", "enabled", "disabled"]
    at: int
    email: str = ""
    head: bytes = b""
    tail: bytes = b""
    evidence: Evidence | None = None
    identity: Identity = NOBODY
    has_modules: bool = False
    verdict: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def book(self) -> str:
        return book_of(self.school, self.kind)

    @property
    def ref(self) -> str:
        return f"{self.book}/{self.person}"

    def json(self, email: str) -> bytes:
        """The record of Unitu's body."""
        return self.head + _json.encode(email) + self.tail


_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(Person)


def pack(person: Person) -> bytes:
    return _packer.encode(person)


def unpack(value: bytes) -> Person:
    return _unpacker.decode(value)


def person_of(state: AccountState, key: str, school: School | None = None) -> Person:
    """``key``: the account's key within its book; ``school``: how its records read."""
    as_told = state if state.status != "none" else as_if_provisioned(state, school)
    details = as_told.details if as_told else None
    email, head, tail = details.email.strip() if details else _email_of(state), b"", b""
    if as_told is not None and details is not None:
        head, tail = _around_the_email(as_told, details)
    return Person(
        school=state.school,
        person=key,
        kind=state.kind,
        status=state.status,
        at=state.offset,
        email=email,
        head=head,
        tail=tail,
        evidence=state.evidence,
        identity=identity_of(state),
        has_modules=bool(state.modules) or (state.assessment is not None and state.assessment.modules is not None),
        verdict=verdict_of(state),
        reasons=reasons_of(state),
    )


def _email_of(state: AccountState) -> str:
    """What the record says of who has no account."""
    student = state.assessment.student if state.assessment else None
    return (student.email or "").strip() if student and state.status == "none" else ""


def _around_the_email(state: AccountState, details: Details) -> tuple[bytes, bytes]:
    """The fields in the order of Unitu's document; an optional one without a value is left out."""
    before: dict[str, object] = {} if details.id is None else {"id": details.id}
    before |= {"firstName": details.first_name, "lastName": details.last_name}
    if state.kind == "staff":
        before["universityTitle"] = details.title or ""
    else:
        before["year"] = details.year
    after: dict[str, object] = {}
    if details.personal_email is not None:
        after["personalEmail"] = details.personal_email
    if details.phone is not None:
        after["phone"] = details.phone
    if state.kind == "staff":
        after |= {"facultyCodes": details.faculties, "departmentCodes": details.departments}
    after["programmeCodes"] = state.programmes
    if state.modules or _supplied_modules(state):
        after["moduleCodes"] = state.modules
    if details.metadata:
        after["metadata"] = dict(sorted(details.metadata.items()))
    return _json.encode(before)[:-1] + b',"email":', b"," + _json.encode(after)[1:]


def _supplied_modules(state: AccountState) -> bool:
    """A list that was never read is left out: an empty one would un-enrol."""
    return state.assessment is None or state.assessment.modules is not None
