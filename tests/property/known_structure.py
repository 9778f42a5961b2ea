"""What our report can know of Unitu's structure, told a second time: whatever somebody has said that Unitu has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.sandbox.unitu.rules import ENTITY_KINDS, Account, Entities
from shared.contract.deliveries import Report
from shared.contract.tenant_state import email_key
from tests.property.deeds import Deed, EmailOf, records
from tests.property.memory_unitu import Posted

Entity = tuple[str, str]  # list and code
Course = tuple[str, str]  # e-mail and code


def entities_of(entities: Entities) -> set[Entity]:
    return {(kind, code) for kind in ENTITY_KINDS for code in getattr(entities, kind)}


@dataclass
class KnownStructure:
    """
    ``confirmed``: what somebody said that Unitu has. ``told``: what an accepted delivery has reported. ``into``: e-mail
    -> the codes that its account is in, if Unitu had what was confirmed each time, and nothing else.
    """

    confirmed: set[Entity] = field(default_factory=set)
    told: set[Entity] = field(default_factory=set)
    into: dict[str, set[str]] = field(default_factory=dict)

    def confirm(self, entities: Iterable[Entity]) -> None:
        self.confirmed |= set(entities)

    def accepted(self, posted: Posted) -> None:
        self.told = self._defined(posted) | (self.told & self.confirmed)
        codes = {code for _, code in self.confirmed}
        for email, record in records(posted.body).items():
            named = {*record["programmeCodes"], *record.get("moduleCodes", ())}
            self.into[email] = named & (codes | self.into.get(email, set()))

    def wrong_in(self, report: Report, ours: set[Deed], posted: Posted) -> list[str]:
        """Of what the report says of entities nothing is excused: it is what the body has and nobody confirmed."""
        found = []
        listed, expected = {(one.list, one.code) for one in report.entities}, self._defined(posted) - self.confirmed
        if listed != expected:
            found.append(f"entities that are not confirmed: {sorted(expected)}, told: {sorted(listed)}")
        new = {(one.list, one.code) for one in report.entities if one.state == "new"}
        if new != expected - self.told:
            found.append(f"entities that were never told: {sorted(expected - self.told)}, told as new: {sorted(new)}")
        assert posted.told is not None
        first = posted.told.report.first_seen_entities
        if early := {(kind, code) for kind, codes in first.items() for code in codes} & expected - new:
            found.append(f"told before, and Unitu has never seen them: {sorted(early)}")
        students = {email_key(entry["email"]) for entry in posted.body["students"]}
        for one in report.entities:
            heads = sum(deed[0] == "block" and deed[1] in students and deed[2] == one.code for deed in ours)
            if one.list in ("programmes", "modules") and one.students != heads:
                found.append(f"{one.code} keeps {heads} students out, told: {one.students}")
        blocked = {deed[1] for deed in ours if deed[0] == "block"}
        if report.counts["blocked"] != len(blocked):
            found.append(f"blocked are {len(blocked)}, told: {report.counts['blocked']}")
        return found

    def unlike(self, entities: Entities) -> set[Entity]:
        """Where what we were told is not what Unitu has: nobody can know of it."""
        return self.confirmed ^ entities_of(entities)

    def courses_unlike(self, accounts: Mapping[int, Account], email_of: EmailOf) -> set[Course]:
        """Who is in what nobody has said exists, or not in what somebody wrongly said does, and since when."""
        found: set[Course] = set()
        for number, one in accounts.items():
            email = email_of(number, one.email)
            if email in self.into:
                found |= {(email, code) for code in self.into[email] ^ {*one.programmes, *one.modules}}
        return found

    def _defined(self, posted: Posted) -> set[Entity]:
        return {(kind, one["code"]) for kind in ENTITY_KINDS for one in posted.body[kind]}
