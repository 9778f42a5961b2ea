"""Whatever the people, e-mails and outcomes: no e-mail twice, nobody missing without evidence, the same bytes."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.publisher import transitions
from services.publisher.email_assignment import EmailRule
from services.publisher.facts import Facts, LaneFacts
from services.publisher.last_snapshot import Last, last_of, outstanding
from services.publisher.moves import Move, Owners
from services.publisher.roster_entry import Person, pack, unpack
from services.publisher.safety import judge
from services.publisher.snapshot import PLAIN, Base, Fixed, Snapshot, take
from services.publisher.verdict import Send
from shared.contract.events import Evidence
from shared.contract.populations import KINDS, book_of, kind_of, school_of
from shared.contract.tenant_state import Adoption, RefusedSnapshot, TenantState, email_key
from tests.unit.publisher.world import a_school

calmly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

SCHOOLS = ("abbey", "borough")
BOOKS = ("abbey", "abbey+staff", "borough")
EMAILS = st.sampled_from(["a@x", "A@x", "b@x", "c@x", "C@X ", "d@x", ""])
URL = "https://unitu.example/v1/sync"


@st.composite
def people(draw: st.DrawFn, highest: int = 100) -> list[Person]:
    """Some people of two schools, and staff of one; few e-mails and numbers, so that they meet."""
    found = []
    for book in BOOKS:
        for name in draw(st.sets(st.sampled_from("1234"), max_size=4)):
            status = draw(st.sampled_from(["enabled", "enabled", "disabled", "none"]))
            at = draw(st.integers(0, highest))
            evidence = None
            if status == "disabled" and draw(st.integers(0, 4)):
                evidence = Evidence(kind="certificate", ref="s", offset=draw(st.integers(0, at)))
            enabled: dict[str, Any] = {"head": b'{"email":', "tail": b',"programmeCodes":[]}'}
            found.append(
                Person(
                    school=school_of(book),
                    person=name,
                    kind=kind_of(book),
                    status=status,  # type: ignore[arg-type]
                    at=at,
                    email=draw(EMAILS).strip(),
                    evidence=evidence,
                    **(enabled if status == "enabled" else {}),
                )
            )
    return found


@st.composite
def rules(draw: st.DrawFn) -> EmailRule:
    persons = st.sampled_from([f"{book}/{name}" for book in BOOKS for name in "1234"])
    releases = draw(st.dictionaries(persons, EMAILS.map(email_key), max_size=3))
    return EmailRule(sends=draw(st.booleans()), releases=releases)


fixed = st.lists(
    st.sampled_from(["a@x", "d@x", "head@x"]).map(
        lambda email: Fixed("student", email, b'{"email":"%s"}' % email.encode())
    ),
    max_size=2,
    unique_by=lambda one: one.email,
)


@st.composite
def states(draw: st.DrawFn) -> TenantState:
    """A tenant after some snapshots, however each of them ended."""
    state = TenantState(tenant="abbey")
    position = 0
    for _ in range(draw(st.integers(0, 4))):
        position += draw(st.integers(0, 20))
        shot = take(draw(people()), {}, draw(fixed), last_of(state), draw(rules()), has_staff=True)
        state = transitions.announced(state, shot, dict.fromkeys(SCHOOLS, position), "2026-01-01", "2026-01-02")
        after = ended(state, shot, draw(st.sampled_from(["accepted", "accepted", "unknown", "rejected", "open"])))
        assert after is not None
        state = after
    return state


NO = RefusedSnapshot(digest="", refused_at="2026", status=422, message="no")


def ended(state: TenantState, shot: Snapshot, end: str) -> TenantState | None:
    match end:
        case "accepted":
            known = [f"{book}/{name}" for book in BOOKS for name in "1234"]
            return transitions.taken(state, state.number, shot, known, "2026", "2026")
        case "unknown":
            return transitions.unsure(state, state.number, "2026")
        case "rejected":
            return transitions.refused(state, state.number, NO)
    return state


def emails_in(snapshot: Snapshot) -> list[str]:
    body = json.loads(snapshot.body)
    return [email_key(one["email"]) for one in [*body["students"], *body["staff"]]]


@calmly
@given(people(), fixed, states(), rules())
def test_no_email_is_there_twice(
    persons: list[Person], protected: list[Fixed], state: TenantState, rule: EmailRule
) -> None:
    snapshot = take(persons, {}, protected, last_of(state), rule, has_staff=True)
    emails = emails_in(snapshot)
    assert len(emails) == len(set(emails))
    assert set(emails) == set(snapshot.roster) == set(snapshot.records)
    assert "" not in emails


@calmly
@given(people(), fixed, states(), rules())
def test_everybody_who_is_enabled_is_there_once_or_named(
    persons: list[Person], protected: list[Fixed], state: TenantState, rule: EmailRule
) -> None:
    snapshot = take(persons, {}, protected, last_of(state), rule, has_staff=True)
    left_out = [*snapshot.without_email, *(one for one in snapshot.conflicts if one.is_left_out)]
    named = {f"{book_of(one.school, one.kind)}/{one.person}" for one in left_out}
    enabled = {one.ref for one in persons if one.status == "enabled"}
    assert set(snapshot.carried) | named == enabled
    assert not set(snapshot.carried) & named


@calmly
@given(people(), fixed, states(), rules(), st.randoms())
def test_the_same_input_gives_the_same_bytes(
    persons: list[Person], protected: list[Fixed], state: TenantState, rule: EmailRule, random: Any
) -> None:
    last = last_of(state)
    first = take(persons, {}, protected, last, rule, has_staff=True)
    again = [unpack(pack(one)) for one in persons]
    random.shuffle(again)
    second = take(again, {}, list(reversed(protected)), last, rule, has_staff=True)
    assert (first.body, first.roster_hash, first.digest) == (second.body, second.roster_hash, second.digest)
    assert list(first.roster) == list(second.roster)


@calmly
@given(people(), states())
def test_nobody_moves_to_an_email_that_was_not_released(persons: list[Person], state: TenantState) -> None:
    last = last_of(state)
    snapshot = take(persons, {}, [], last, EmailRule(), has_staff=True)
    for ref, email in snapshot.carried.items():
        known = {email_key(one) for one in last.emails.get(ref, ())}
        taken = {key for key, seat in snapshot.roster.items() if seat.ref != ref}
        assert not known or email_key(email) in known or known <= taken


@calmly
@given(people(), fixed, states(), rules(), st.booleans())
def test_nobody_has_anothers_account_without_a_yes(
    persons: list[Person], protected: list[Fixed], state: TenantState, rule: EmailRule, says_yes: bool
) -> None:
    """Nothing says of any two that they are one person."""
    last = last_of(state)
    base = PLAIN
    if says_yes:
        held = take(persons, {}, protected, last, rule, has_staff=True)
        base = Base(releases=[move.hash for move in held.moves])
    snapshot = take(persons, {}, protected, last, rule, base, has_staff=True)
    owners = Owners(last, {one.ref: one for one in persons})
    for email, seat in snapshot.roster.items():
        had = owners.of(email)
        assert not had or seat.ref in had or Move(email, had[0], seat.ref).hash in base.releases


@calmly
@given(people(), fixed, states(), rules())
def test_what_goes_lacks_nobody_without_evidence(
    persons: list[Person], protected: list[Fixed], state: TenantState, rule: EmailRule
) -> None:
    verdict, snapshot, last, known = judged(persons, protected, state, rule)
    if verdict != Send():
        return
    for email, seats in last.seats.items():
        if email in snapshot.roster:
            continue
        for seat in seats:
            if seat.ref in snapshot.carried:
                now = snapshot.carried[seat.ref]
                also = {email_key(one) for one in last.emails[seat.ref]}
                assert rule.lets(seat.ref, now) or email_key(now) in also
                continue
            person = known[seat.ref]
            assert person.status == "disabled"
            assert person.evidence is not None
            assert person.evidence.offset >= seat.position >= 0


@calmly
@given(people(), states())
def test_what_does_not_go_has_a_reason_and_names_somebody(persons: list[Person], state: TenantState) -> None:
    verdict, snapshot, last, _ = judged(persons, [], state, EmailRule())
    if verdict == Send():
        return
    assert verdict.reasons  # type: ignore[union-attr]
    missing = {email for email in last.seats if email not in snapshot.roster}
    assert {email_key(one.email) for one in verdict.who} <= missing  # type: ignore[union-attr]
    assert verdict.who  # type: ignore[union-attr]


@calmly
@given(states())
def test_the_last_snapshot_is_all_that_unitu_may_have(state: TenantState) -> None:
    last = last_of(state)
    assert set(state.roster) <= set(last.seats)
    assert set(outstanding(state).gained) <= set(last.seats)
    for email, seats in last.seats.items():
        for seat in seats:
            assert not seat.book or email in map(email_key, last.emails[seat.ref])
            assert not seat.book or seat.position >= 0


def judged(
    persons: list[Person], protected: list[Fixed], state: TenantState, rule: EmailRule
) -> tuple[Any, Snapshot, Last, dict[str, Person]]:
    known = {one.ref: one for one in persons}
    facts = Facts(
        schools=SCHOOLS,
        states={book_of(school, kind): a_school(100, school=school, kind=kind) for school in SCHOOLS for kind in KINDS},
        lanes={"abbey": 0, "borough": 1},
        lane_facts={0: LaneFacts(position=101), 1: LaneFacts(position=101)},
        people=known,
        has_staff=True,
        url=URL,
    )
    adoption = Adoption(
        adopted_at="2026",
        bound="",
        roster_hash="",
        roster_count=0,
        disabled_count=0,
        schools=SCHOOLS,
        staff=True,
        url=URL,
    )
    last = last_of(state)
    snapshot = take(persons, {}, protected, last, rule, has_staff=True)
    verdict = judge(facts, snapshot, last, outstanding(state).positions, adoption, rule, is_live=True)
    return verdict, snapshot, last, known
