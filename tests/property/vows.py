"""
What is never done to anybody, watched at each snapshot that Unitu applies, whatever any report says of it.

What is true of each person is kept beside the world: ``Vows`` is told of it as the schools decide it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.publisher.roster_entry import Person
from shared.contract.account_state import AccountState
from shared.contract.tenant_state import Held, Seat, email_key
from tests.property.agreement import Doubts
from tests.property.deeds import COURSES, records
from tests.property.drawn import CODES
from tests.property.memory_unitu import Posted

OF_PERSONS = (
    *("too_many_at_once", "email_moved", "account_unknown", "not_disabled", "no_evidence", "protected_record_removed"),
    *("evidence_before_last_snapshot", "refused_by_unitu"),
)


@dataclass
class Vows:
    """
    ``owners``: e-mail -> whose record it had in the last snapshot that had it, ``had_at`` where the lane stood then;
    ``emails``: person -> every e-mail that was ever sent for them. ``left_at``, ``lacking``, ``has``: where somebody
    was told to be gone, to be in something no more, and to be in it. ``approved``: whom a person has seen to go,
    ``let``: in a set that was let go; ``given``: (e-mail, person) of each move that somebody let go, ``unsaid`` where a
    restored backup has lost that yes: they wait for it again, and nobody knows that they are at Unitu. ``adopted``: of
    every roster that had a yes. ``own``: person -> under what they were sent, and what their records had as their
    e-mail when a snapshot was accepted, as far as a restored backup knows of it. ``is_late``: whether the newest of a
    person was told after the delivery began. ``blind``: books whose people somebody said yes to when what was last sent
    was lost, and no full sweep had told them again: nobody can know their codes, and the yes shows none.
    """

    doubts: Doubts
    sends: bool
    is_late: Callable[[str], bool] = lambda ref: False
    truth: dict[str, AccountState] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    had_at: dict[str, int] = field(default_factory=dict)
    emails: dict[str, set[str]] = field(default_factory=dict)
    left_at: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lacking: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    released: set[tuple[str, str]] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    let: set[str] = field(default_factory=set)
    given: set[tuple[str, str]] = field(default_factory=set)
    unsaid: set[tuple[str, str]] = field(default_factory=set)
    adopted: set[str] = field(default_factory=set)
    own: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    has: dict[tuple[str, str], int] = field(default_factory=dict)
    blind: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def hear(self, ref: str, account: AccountState) -> None:
        """What a school has decided of a person."""
        self.truth[ref] = account
        if account.status == "disabled":
            self.left_at[ref].append(account.offset)
        if account.status == "enabled":
            told = {*account.programmes, *account.modules}
            self.has |= {(ref, code): account.offset for code in told}
            for code in {*CODES} - told:
                self.lacking[ref, code].append(account.offset)

    def watch(
        self,
        posted: Posted,
        seats: Mapping[str, tuple[Seat, ...]],
        people: Mapping[str, Person],
        *,
        is_unsure: bool,
    ) -> None:
        """
        ``seats``: of the last snapshot, with this body's; ``people``: as the view has them. ``is_unsure``: nobody
        knows the outcome of a snapshot before this.
        """
        now = records(posted.body)
        here = {email: seats[email][0].ref for email in now if email in seats}
        for number, one in posted.before.items():
            if one.enabled and not posted.after[number].enabled and self._is_known(number, one.email):
                self._goes(self.doubts.email_of(number, one.email), here)
        self._half_of_a_kind(posted.body, here)
        self._as_sent(now, here, people, is_unsure=is_unsure)
        self._losses(posted, here)
        self._handed_over(here)
        self._one_account_each(now, here)
        for email, ref in here.items():
            self.owners[email], self.had_at[email] = ref, seats[email][0].position
            self.emails.setdefault(ref, set()).add(email)
            self.own[ref].add(email)
        self.approved -= here.keys()
        self.let -= here.keys()

    def taken_in_part(self, posted: Posted, seats: Mapping[str, tuple[Seat, ...]]) -> None:
        """Of a body that Unitu refused, whose accounts it has made all the same."""
        for number, one in posted.after.items():
            if number not in posted.before and (own := seats.get(email_key(one.email))):
                self.owners.setdefault(email_key(one.email), own[0].ref)

    def give(self, moves: Iterable[tuple[str, str]]) -> None:
        self.given |= {*moves}
        self.unsaid -= self.given

    def go_back_to(self, own: dict[str, set[str]], given: set[tuple[str, str]]) -> None:
        """A backup is restored: whoever was known, and let go, only since then is so no more."""
        self.own, self.unsaid, self.given = own, self.unsaid | (self.given - given), given

    def _is_known(self, number: int, email: str) -> bool:
        """Of an account that no list had, nobody can know how Unitu spells it."""
        is_exact = self.doubts.rules.letter_exact and email != email_key(email)
        return self.doubts.is_told(number, email) or (email_key(email) in self.adopted and not is_exact)

    def _goes(self, email: str, here: Mapping[str, str]) -> None:
        """Nobody who is there loses their account."""
        owner = self.owners.get(email, "")
        if email in self.approved or (email, owner) in self.unsaid:
            return
        now = next((address for address, ref in here.items() if ref == owner), None)
        if now is not None and owner:
            if (owner, now) not in self.released and not self.sends and now not in self.emails.get(owner, set()):
                self.wrong.append(f"{owner} was moved from {email} to {now}")
        elif not any(at >= self.had_at.get(email, 0) for at in self.left_at.get(owner, [])):
            self.wrong.append(f"{owner or 'nobody of ours'} lost {email}, and never left")
        elif self.truth[owner].status == "enabled" and not self.is_late(owner):
            self.wrong.append(f"{owner} lost {email}, and is back")

    def _half_of_a_kind(self, body: Mapping[str, Any], here: Mapping[str, str]) -> None:
        """More than half of a kind goes by a yes only, and so does all of it."""
        doubts = self.doubts
        if doubts.doubtful or doubts.rewound or doubts.adopted or doubts.body is None:
            return  # then it is counted of another roster than the last body's
        now = records(body)
        for kind in ("students", "staff"):
            had = records({"students": doubts.body.get(kind, ())})
            gone = {email for email in had if email not in now and self.owners.get(email) not in here.values()}
            is_much = 2 * len(gone) > len(had) or not body.get(kind)
            if gone and is_much and not gone <= self.let | self.approved:
                self.wrong.append(f"{len(gone)} of {len(had)} {kind} went at once, and nobody said yes to it")

    def _as_sent(
        self, now: Mapping[str, Any], here: Mapping[str, str], people: Mapping[str, Person], *, is_unsure: bool
    ) -> None:
        """Who is held stays as last sent, and in what a snapshot of unknown outcome may have given them."""
        if self.doubts.is_memory_lost:
            return
        for email, ref in here.items():
            person, before = people.get(ref), self.doubts.last.get(email)
            if person is None or person.status != "disabled" or before is None:
                continue
            sent = {**now[email], **_codes_in(before)} if is_unsure else now[email]
            lost = any(set(codes) - set(now[email].get(name, ())) for name, codes in _codes_in(before).items())
            if sent != before or lost:
                self.wrong.append(f"{ref} is held, and was sent as {now[email]}, not as {before}")

    def _losses(self, posted: Posted, here: Mapping[str, str]) -> None:
        """Nobody is taken out of anything that every record of theirs has."""
        assert posted.told is not None
        for change in posted.told.changes:
            email = self.doubts.email_of(change.account, change.email)
            ref, at = here.get(email, ""), self.had_at.get(email)
            if change.kind != "unenrol" or change.what not in COURSES or at is None or self.owners.get(email) != ref:
                continue
            if ref.partition("/")[0] in self.blind:
                continue
            if ref in self.truth and not self._lacks(ref, change.code, at):
                self.wrong.append(f"{ref} was taken out of {change.code}, and no record of theirs lacks it")

    def _lacks(self, ref: str, code: str, at: int) -> bool:
        """Since the last snapshot; or since any, where nobody has told them in it again: a rebuild keeps codes."""
        lacking = self.lacking.get((ref, code), [])
        return any(since >= at for since in lacking) or (bool(lacking) and lacking[-1] > self.has.get((ref, code), -1))

    def _handed_over(self, here: Mapping[str, str]) -> None:
        for email, ref in here.items():
            owner = self.owners.get(email, ref)
            if owner != ref and (email, ref) not in self.given and email in self.had_at:
                self.wrong.append(f"{ref} was given the account of {owner}, {email}")

    def _one_account_each(self, now: Mapping[str, Any], here: Mapping[str, str]) -> None:
        """Who is in the protected file is sent once."""
        fixed = {
            (now[email]["firstName"], now[email]["lastName"]): email for email, ref in here.items() if ref[0] == "/"
        }
        for email, ref in here.items():
            names = now[email]["firstName"], now[email]["lastName"]
            is_new = self.owners.get(email) != ref  # once they have it, it does not go without a yes
            if ref[0] != "/" and is_new and names in fixed and fixed[names] in self.own[ref]:
                self.wrong.append(f"{ref} has two accounts: {email}, and the protected {fixed[names]}")

    def accepted(self, people: Mapping[str, Person]) -> None:
        for ref, person in people.items():
            if person.status != "disabled" and person.email:
                self.own[ref].add(email_key(person.email))

    def hold(self, held: Held | None, whom: Iterable[str]) -> None:
        """A hold costs only its own people. ``whom``: the e-mails that it names."""
        if held is None or held.is_partial or held.kind != "hold" or self.doubts.is_memory_lost:
            return
        emails = [*whom]
        codes = Counter(reason.code for reason in held.reasons if reason.code in OF_PERSONS)
        if codes and emails and all(email in self.doubts.last for email in emails):
            self.wrong.append(f"nothing goes, because of {dict(codes)}")


def _codes_in(record: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: record[name] for name in ("programmeCodes", "moduleCodes") if name in record}
