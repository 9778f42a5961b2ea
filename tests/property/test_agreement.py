"""
After each delivery our report is Unitu's report is what became of Unitu's accounts; and nobody who is there goes.

Random tenants: accounts that Unitu had before, in a list or not; one school or two, with staff or without; protected
people, holds, outcomes that nobody knows, restored backups; a Unitu that matches by id, or takes each letter of an
address as it stands. The twin itself takes the POSTs, by the publisher's own way of sending and of reading answers.
``AGREEMENT_EXAMPLES`` sets how many stories are told; `make soak` tells more of them.
"""

import contextlib
import copy
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.publisher.adopt import NotWhole, Outdated
from services.publisher.last import last_of
from services.sandbox.unitu_rules import Account, Entities, Rules
from shared.books import book_of, kind_of, school_of
from shared.lane import log as lane_log
from shared.lanes import lane_of
from shared.memory import MemoryDueQueue
from shared.model import Department, Faculty, Module, Programme, Structure
from shared.state import AccountState, StructureState
from shared.tenant import SnapshotAccepted, email_key
from shared.topics import DELIVERIES
from tests.property.agreement import KINDS, Doubts
from tests.property.deeds import records
from tests.property.known_structure import entities_of
from tests.property.memory_unitu import FAULTS, MemoryUnitu, Posted
from tests.unit.publisher.test_undecided import on_the_roll
from tests.unit.publisher.world import (
    LIVE,
    MANAGED,
    QUICK,
    Crash,
    World,
    _decoded,
    a_config,
    a_lane,
    a_leaver,
    a_school,
    an_account,
    an_employee,
    an_employee_who_left,
)

EXAMPLES = int(os.environ.get("AGREEMENT_EXAMPLES", "40"))
PEOPLE = ("abbey/a1", "abbey/a2", "abbey/a3", "brook/b1", "brook/b2", "abbey+staff/t1", "brook+staff/u1")
PROTECTED, STRANGER = "head@x", "old@x"
PEOPLE_AT = st.integers(0, len(PEOPLE) - 1)
VARIANTS = st.sampled_from(["", "", "", "-new", "S"])  # S: in capitals
MOSTLY = st.sampled_from([True, True, True, False])
STRUCTURE = Structure(
    faculties=(Faculty(code="F", name="Seniors"),),
    departments=(Department(code="D", name="History", faculty_code="F"),),
    programmes=tuple(Programme(code=code, name=code, department_code="D") for code in ("Y10", "Y11")),
    modules=tuple(Module(code=f"Y10-{code}", name=code, programme_code="Y10") for code in ("HIS", "ART")),
)
LESS = msgspec.structs.replace(STRUCTURE, programmes=STRUCTURE.programmes[:1], modules=STRUCTURE.modules[:1])
EXIST = Entities(**{kind: {one.code: one.name for one in getattr(STRUCTURE, kind)} for kind in KINDS})
NONE_EXIST = Entities()
SOME_EXIST = Entities(programmes={"Y10": "Y10"}, modules={"Y10-HIS": "HIS"})
DETAILS = st.fixed_dictionaries(
    {
        "first_name": st.sampled_from(["Ada", "Bea"]),
        "year": st.sampled_from([None, 3]),
        "phone": st.sampled_from([None, None, "1", "2"]),
        "personal_email": st.sampled_from([None, None, "p@home", "q@home"]),
        "programmes": st.sampled_from([("Y10",), ("Y11",), ()]),
        "modules": st.sampled_from([("Y10-HIS",), ("Y10-ART", "Y10-HIS"), ()]),
    }
)
OF_STAFF = ("first_name", "phone", "personal_email", "programmes", "modules")
TENANTS = st.fixed_dictionaries(
    {
        "schools": st.sampled_from([("abbey",), ("abbey", "brook")]),
        "is_managed": st.booleans(),
        "is_protecting": st.booleans(),
        "email_change": st.sampled_from(["hold", "hold", "send"]),
        "entities": st.sampled_from([EXIST, EXIST, SOME_EXIST, NONE_EXIST]),
        "knows_entities": MOSTLY,
        "rules": st.sampled_from([Rules(), Rules(), Rules(match_by="id"), Rules(letter_exact=True)]),
        "had": st.sets(st.sampled_from([*PEOPLE, STRANGER, PROTECTED])),
        "is_in_capitals": st.booleans(),
        "is_disabled": st.sets(st.sampled_from(PEOPLE)),
        "knows_ids": st.booleans(),
        "undecided": st.sets(st.sampled_from(PEOPLE), max_size=2),
        "list": st.sampled_from(["all", "all", "ours", "none"]),
        "details": st.tuples(DETAILS, DETAILS),
    }
)


class Watched(World):
    """``heard``: what was told of a delivery that had a POST."""

    def __init__(self, config: Any, post: MemoryUnitu, heard: Any) -> None:
        self.heard = heard
        super().__init__(config, post)

    def work_once(self) -> bool:
        seen = len(self.out.of(DELIVERIES))
        try:
            return super().work_once()
        finally:
            told = [_decoded(message) for message in self.out.of(DELIVERIES)[seen:]]
            accepted = [event for event in told if isinstance(event, SnapshotAccepted)]
            self.heard(accepted[-1] if accepted else None)


def email_of(ref: str) -> str:
    return f"s{ref.partition('/')[2]}@x"


class AgreementMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        lane_log.disabled = True  # it tells each of the many rebuilds
        self.folder = tempfile.TemporaryDirectory()
        self.offset = 10
        self.truth: dict[str, AccountState] = {}
        self.left_at: dict[str, list[int]] = {}
        self.owners: dict[str, str] = {}  # e-mail -> whose record it had in the last snapshot that had it
        self.had_at: dict[str, int] = {}  # e-mail -> where the lane stood then
        self.emails: dict[str, set[str]] = {}  # person -> every e-mail that was ever sent for them
        self.released: set[tuple[str, str]] = set()
        self.approved: set[str] = set()
        self.given: set[tuple[str, str]] = set()  # (e-mail, person) of each move that somebody let go
        self.posted: list[Posted] = []
        self.backup: Any = None
        self.is_restored: set[str] = set()  # books of which no full sweep has said since what is true
        self.full_at: dict[str, int] = {}
        self.wrong: list[str] = []

    @initialize(drawn=TENANTS)
    def begins(self, drawn: dict[str, Any]) -> None:
        self.drawn = drawn
        self.schools = drawn["schools"]
        kinds = ("student", "staff") if drawn["is_managed"] else ("student",)
        self.books = [book_of(school, kind) for school in self.schools for kind in kinds]
        self.people = [ref for ref in PEOPLE if ref.partition("/")[0] in self.books]
        table = (MANAGED if drawn["is_managed"] else LIVE) + QUICK + f'email_change = "{drawn["email_change"]}"\n'
        if drawn["is_protecting"]:
            record = {"firstName": "H", "lastName": "M", "email": PROTECTED, "year": None, "programmeCodes": ["Y10"]}
            (Path(self.folder.name) / "protected.json").write_text(json.dumps({"students": [record]}))
            table += 'protected = "protected.json"\n'
        config = a_config(Path(self.folder.name), table, self.schools, partitions=2)
        self.unitu = MemoryUnitu(drawn["rules"], self.accounts_before(), drawn["entities"])
        self.unitu.on_post = self.hears_post
        self.doubts = Doubts(drawn["rules"])
        self.doubts.of_before(self.unitu.accounts())
        self.world = Watched(config, self.unitu, self.hears)
        for school in self.schools:
            self.world.append(StructureState(school=school, at=1, structure=STRUCTURE))
        for ref in self.people:
            if ref in drawn["undecided"]:
                self.is_undecided(ref, is_seen=False)
            else:
                self.comes(ref, email_of(ref), drawn["details"][ref[-1] == "1"], is_seen=False)
        for book in self.books:
            self.sweeps(book, full=True, is_seen=False)
        self.world.read()
        if drawn["knows_entities"]:
            self.somebody_says_what_unitu_has()
        self.says_yes(drawn["list"])
        self.works(5.0)

    def accounts_before(self) -> list[Account]:
        found = []
        for ref in sorted(self.drawn["had"]):
            email = ref if "@" in ref else email_of(ref)
            self.owners[email] = ref if "/" in ref else ""
            found.append(
                Account(
                    email=email.upper() if self.drawn["is_in_capitals"] else email,
                    first_name="Old",
                    last_name="Name",
                    kind="staff" if "+staff" in ref else "student",
                    enabled=ref not in self.drawn["is_disabled"],
                    id=ref.partition("/")[2] or None if self.drawn["knows_ids"] else None,
                    phone="9",
                    programmes=("Y10",) if "Y10" in self.drawn["entities"].programmes else (),
                )
            )
        return found

    def teardown(self) -> None:
        self.folder.cleanup()
        lane_log.disabled = False

    # --- what is true ------------------------------------------------------------------------------------------------

    def decide(self, ref: str, account: AccountState) -> None:
        self.truth[ref] = account
        self.world.append(account)

    def holder(self, email: str) -> str | None:
        for ref, one in self.truth.items():
            if one.status == "enabled" and one.details and email_key(one.details.email) == email_key(email):
                return ref
        return None

    def comes(self, ref: str, email: str, details: dict[str, Any], is_seen: bool) -> None:
        book, _, person = ref.partition("/")
        if book not in self.books or self.holder(email) not in (None, ref):
            return
        self.offset += 1
        build: Any = an_employee if kind_of(book) == "staff" else an_account
        fields = {name: details[name] for name in (OF_STAFF if kind_of(book) == "staff" else details)}
        self.decide(ref, build(person, self.offset, school=school_of(book), email=email, last_name=person, **fields))
        self.goes_on(book, is_seen)

    def person(self, at: int) -> str:
        return self.people[at % len(self.people)]

    @rule(changes=st.lists(st.tuples(PEOPLE_AT, VARIANTS, DETAILS, MOSTLY), min_size=1, max_size=3))
    def some_join_or_change(self, changes: list[tuple[int, str, dict[str, Any], bool]]) -> None:
        for at, variant, details, is_seen in changes:
            email = email_of(self.person(at))
            written = email.upper() if variant == "S" else email.replace("@", variant + "@")
            self.comes(self.person(at), written, details, is_seen)

    @rule(at=PEOPLE_AT, other=PEOPLE_AT, details=DETAILS, is_seen=MOSTLY)
    def one_has_the_address_of_another(self, at: int, other: int, details: dict[str, Any], is_seen: bool) -> None:
        """The school gives it away, once it is free."""
        if is_seen:
            self.leaves(self.person(other), is_seen)
        self.comes(self.person(at), email_of(self.person(other)), details, is_seen)

    @rule(at=PEOPLE_AT, is_seen=MOSTLY)
    def one_leaves(self, at: int, is_seen: bool) -> None:
        self.leaves(self.person(at), is_seen)

    @rule(at=PEOPLE_AT, details=DETAILS)
    def one_leaves_and_returns(self, at: int, details: dict[str, Any]) -> None:
        ref = self.person(at)
        before = self.truth[ref].details
        self.leaves(ref, is_seen=True)
        self.comes(ref, before.email if before else email_of(ref), details, is_seen=True)

    def leaves(self, ref: str, is_seen: bool) -> None:
        """Decided at the close of a certified sweep."""
        before, (book, _, person) = self.truth.get(ref), ref.partition("/")
        if before is None or before.status != "enabled" or before.details is None:
            return
        self.offset += 1
        build: Any = an_employee_who_left if kind_of(book) == "staff" else a_leaver
        self.decide(ref, build(person, self.offset, school=school_of(book), email=before.details.email))
        self.left_at.setdefault(ref, []).append(self.offset)
        self.goes_on(book, is_seen)

    def is_undecided(self, ref: str, is_seen: bool) -> None:
        """On the roll, and no rule lets them have an account yet."""
        book, _, person = ref.partition("/")
        self.offset += 1
        more: dict[str, Any] = {"school": school_of(book), "kind": kind_of(book), "email": email_of(ref)}
        self.decide(ref, on_the_roll(person, self.offset, **more))
        self.goes_on(book, is_seen)

    @rule(at=PEOPLE_AT, full=st.booleans(), is_seen=MOSTLY)
    def one_is_swept(self, at: int, full: bool, is_seen: bool) -> None:
        self.sweeps(self.books[at % len(self.books)], full, is_seen)

    def sweeps(self, book: str, full: bool, is_seen: bool) -> None:
        """A certified close; a full one tells everybody anew."""
        if book in self.is_restored and not full:
            return  # its certificate does not agree with what the reconciler has
        self.offset += 1
        if full:
            self.is_restored.discard(book)
            self.world.is_swept = not self.is_restored
            self.full_at[book] = self.offset
            for ref, account in list(self.truth.items()):
                if ref.startswith(f"{book}/"):
                    fields: Any = {name: getattr(account, name) for name in account.__struct_fields__}
                    self.decide(ref, AccountState(**(fields | {"at": self.offset})))
        school, kind = school_of(book), kind_of(book)
        self.world.append(a_school(self.offset, school=school, kind=kind, full_at=self.full_at[book]))
        self.goes_on(book, is_seen)

    @rule()
    def everything_is_swept(self) -> None:
        for book in self.books:
            self.sweeps(book, full=True, is_seen=True)

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    @rule(is_lost=st.sampled_from([False, False, True]))
    def redis_may_be_lost(self, is_lost: bool) -> None:
        if is_lost:
            self.redis_is_lost()

    def redis_is_lost(self) -> None:
        self.world.empty_redis()
        self.doubts.memory_is_lost()

    @rule()
    def a_backup_is_made(self) -> None:
        world = self.world
        kept = world.log, world.out, world.lanes, world.tenant_hashes, world.wake_hashes
        self.backup = copy.deepcopy((kept, self.doubts))

    @rule(has_redis=st.booleans())
    def the_backup_is_restored(self, has_redis: bool) -> None:
        """Unitu and the schools have gone on since; no school has been read again yet."""
        if self.backup is None:
            return
        world = self.world
        (world.log, world.out, *redis), before = copy.deepcopy(self.backup)
        self.is_restored, world.is_swept = set(self.books), False
        self.doubts.go_back_to(before)
        if has_redis:
            world.lanes, world.tenant_hashes, world.wake_hashes = redis
            world.due = MemoryDueQueue()
            world.restart()
        else:
            self.redis_is_lost()

    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def unitu_will(self, fault: str) -> None:
        self.unitu.will(fault)

    @rule(fault=st.sampled_from(sorted(FAULTS)), at=PEOPLE_AT, details=DETAILS, leaves=st.booleans())
    def one_changes_and_nobody_knows(self, fault: str, at: int, details: dict[str, Any], leaves: bool) -> None:
        ref = self.person(at)
        self.unitu.will(fault)
        if leaves:
            self.leaves(ref, is_seen=True)
        else:
            self.comes(ref, email_of(ref), details, is_seen=True)

    # --- what goes on ------------------------------------------------------------------------------------------------

    def goes_on(self, book: str, is_seen: bool) -> None:
        """Its batch ends, and everybody is quick."""
        self.world.recount(book)
        for school in self.schools:
            self.world.append(a_lane(self.offset + 1, lane_of(school, 2)))
        if is_seen:
            self.world.read()
            self.works(5.0)

    @rule(seconds=st.sampled_from([5.0, 70.0, 150.0]))
    def works(self, seconds: float) -> None:
        try:
            self.world.work(until=seconds)
        except Crash:
            self.world.restart()

    @rule()
    def somebody_publishes(self) -> None:
        self.world.read()
        self.world.desk.hasten("abbey")
        self.works(0.0)

    @rule(entities=st.sampled_from([EXIST, SOME_EXIST]), is_told=MOSTLY)
    def somebody_at_unitu_creates(self, entities: Entities, is_told: bool) -> None:
        self.unitu.create_entities(entities)
        if is_told:
            self.somebody_says_what_unitu_has()

    @rule()
    def somebody_says_what_unitu_has(self) -> None:
        entities = self.unitu.entities()
        codes: Any = {kind: [*getattr(entities, kind)] for kind in KINDS}
        self.world.desk.confirm_structure("abbey", codes, "ann")
        self.doubts.structure.confirm(entities_of(entities))

    @rule(structure=st.sampled_from([STRUCTURE, LESS]), school=st.integers(0, 1))
    def a_school_lists(self, structure: Structure, school: int) -> None:
        """A programme and a module are new, or no longer there."""
        self.offset += 1
        slug = self.schools[school % len(self.schools)]
        self.world.append(StructureState(school=slug, at=self.offset, structure=structure))
        self.goes_on(slug, is_seen=True)

    @rule(list=st.sampled_from(["all", "ours", "none"]))
    def says_yes(self, list: str) -> None:
        """To the roster, with a list of all accounts that are enabled, of those that we know, or without."""
        accounts = self.unitu.accounts()
        emails = {number: one.email for number, one in accounts.items() if one.enabled}
        if list == "ours":
            emails = {number: email for number, email in emails.items() if self.owners.get(email_key(email))}
        with contextlib.suppress(NotWhole):
            shown = self.world.desk.show("abbey", None if list == "none" else [*emails.values()])
            self.world.desk.adopt(shown, words=shown.words)
            self.approved |= set(shown.disabled)
            listed = () if list == "none" else {email_key(email) for email in emails.values()}
            self.doubts.adopt(shown.roster, listed, is_open=self.world.state.intent is not None)

    @rule()
    def releases(self) -> None:
        with contextlib.suppress(NotWhole):
            waits = self.world.desk.waits("abbey")
            self.world.desk.release("abbey", waits)
            self.released |= {(wait.ref, email_key(wait.own)) for wait in waits}
            self.works(0.0)

    @rule()
    def lets_go(self) -> None:
        """Whatever is held by a hash, as it is shown."""
        with contextlib.suppress(NotWhole, Outdated):
            holds = self.world.desk.holds("abbey")
            self.world.desk.let_go("abbey", [one.hash for one in holds])
            for one in holds:
                self.given |= {(email_key(email), ref) for email, _, ref in one.gives}
            self.works(0.0)

    # --- what must hold ----------------------------------------------------------------------------------------------

    def hears_post(self, posted: Posted) -> None:
        self.posted.append(posted)
        if posted.told is not None:
            self.watch(posted)

    def hears(self, event: SnapshotAccepted | None) -> None:
        posted, self.posted = self.posted, []
        if not posted:
            return
        if event is None or posted[-1].told is None:
            self.doubts.unknown(posted[-1])
            return
        self.wrong += self.doubts.disagreements(event.report, posted[-1])
        self.doubts.accepted(posted[-1])

    def watch(self, posted: Posted) -> None:
        """Nobody who is there goes, and nobody gets what is somebody else's."""
        last = last_of(self.world.state)  # with the intent of this body
        here = {email: seats[0].ref for email, seats in last.seats.items() if email in records(posted.body)}
        for number, one in posted.before.items():
            email = self.doubts.email_of(number, one.email)
            if one.enabled and not posted.after[number].enabled and self.doubts.is_told(number, one.email):
                self.judge(email, self.owners.get(email, ""), here)
        for email, ref in here.items():
            owner = self.owners.get(email, ref)
            if owner != ref and (email, ref) not in self.given and email in self.had_at:
                self.wrong.append(f"{ref} was given the account of {owner}, {email}")
            self.owners[email], self.had_at[email] = ref, last.seats[email][0].position
            self.emails.setdefault(ref, set()).add(email)
        self.approved -= here.keys()

    def judge(self, email: str, owner: str, here: dict[str, str]) -> None:
        if email in self.approved:
            return
        now = next((address for address, ref in here.items() if ref == owner), None)
        if now is not None and owner:
            is_let = (owner, now) in self.released or self.drawn["email_change"] == "send"
            if not is_let and now not in self.emails.get(owner, set()):
                self.wrong.append(f"{owner} was moved from {email} to {now}")
        elif not any(at >= self.had_at.get(email, 0) for at in self.left_at.get(owner, [])):
            self.wrong.append(f"{owner or 'nobody of ours'} lost {email}, and never left")

    @invariant()
    def all_agree(self) -> None:
        assert self.wrong == [], self.wrong


TestAgreement = AgreementMachine.TestCase
TestAgreement.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
