"""The world of the agreement: what is true of random tenants, who says yes to what, and what must hold."""

import contextlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.publisher import deliver
from services.publisher.decisions import NotWhole, Outdated
from services.publisher.last_snapshot import last_of
from services.sandbox.unitu.rules import Account, Entities
from shared.contract.account_state import AccountState, StructureState
from shared.contract.deliveries import SnapshotAccepted, SnapshotHeld
from shared.contract.events import Evidence
from shared.contract.model import Frozen, Structure
from shared.contract.populations import book_of, kind_of, school_of
from shared.contract.retired import retired_from
from shared.contract.tenant_state import email_key
from shared.lanes.loop import log as lane_log
from shared.lanes.partition import lane_of
from tests.property.agreement import KINDS, Doubts
from tests.property.drawn import (
    DETAILS,
    EXIST,
    LESS,
    MOSTLY,
    OF_STAFF,
    OWN,
    PEOPLE,
    PEOPLE_AT,
    SOME_EXIST,
    STRUCTURE,
    TENANTS,
    VARIANTS,
    email_of,
    protected_file,
)
from tests.property.known_structure import entities_of
from tests.property.memory_unitu import MemoryUnitu, Posted
from tests.property.vows import Vows
from tests.property.watched import Watched
from tests.unit.publisher.test_undecided import on_the_roll
from tests.unit.publisher.world import (
    LIVE,
    MANAGED,
    QUICK,
    Crash,
    a_config,
    a_lane,
    a_school,
    an_account,
    an_employee,
)


class Stories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        lane_log.disabled = True  # it tells each of the many rebuilds
        self._too_early, deliver.TOO_EARLY_SECONDS = deliver.TOO_EARLY_SECONDS, 7.0  # a slow view is looked at often
        self.folder = tempfile.TemporaryDirectory()
        self.offset = 10
        self.told: list[tuple[str, AccountState]] = []
        self.posted: list[Posted] = []
        self.backup: Any = None
        self.is_restored: set[str] = set()  # books of which no full sweep has said since what is true
        self.is_let = False  # somebody said yes to what is old
        self.lost: set[str] = set()  # people whom account-state has lost
        self.unswept: set[str] = set()  # books without a full sweep since Redis was lost
        self.full_offset: dict[str, int] = {}
        self.place: dict[str, int] = {}  # of the newest that was told of a person

    @property
    def truth(self) -> dict[str, AccountState]:
        return self.vows.truth

    @initialize(drawn=TENANTS)
    def begins(self, drawn: dict[str, Any]) -> None:
        self.drawn = drawn
        self.schools = drawn["schools"]
        kinds = ("student", "staff") if drawn["is_managed"] else ("student",)
        self.books = [book_of(school, kind) for school in self.schools for kind in kinds]
        self.people = [ref for ref in PEOPLE if ref.partition("/")[0] in self.books]
        table = (MANAGED if drawn["is_managed"] else LIVE) + QUICK + f'email_change = "{drawn["email_change"]}"\n'
        if drawn["protects"] != "nobody":
            (Path(self.folder.name) / "protected.json").write_text(json.dumps(protected_file(drawn["protects"])))
            table += 'protected = "protected.json"\n'
        config = a_config(Path(self.folder.name), table, self.schools, 2, drawn["pushed"])
        self.unitu = MemoryUnitu(drawn["rules"], self.accounts_before(), drawn["entities"])
        self.unitu.on_post = self.hears_post
        self.doubts = Doubts(drawn["rules"])
        self.doubts.of_before(self.unitu.accounts())
        self.vows = Vows(self.doubts, sends=drawn["email_change"] == "send", is_late=self.is_late)
        self.vows.owners = {(ref if "@" in ref else email_of(ref)): ref for ref in drawn["had"]}
        self.world = Watched(config, self.unitu, self.hears)
        self.listed = {school: StructureState(school=school, offset=1, structure=STRUCTURE) for school in self.schools}
        self.world.append(*self.listed.values())
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
        if drawn["loses"] is not None:
            self.is_lost(self.person(drawn["loses"]))
            self.goes_on(self.person(drawn["loses"]).partition("/")[0], is_seen=False)
            self.world.read()
            self.says_yes("none")
        self.works(5.0)

    def accounts_before(self) -> list[Account]:
        found = []
        for ref in sorted(self.drawn["had"]):
            email = ref if "@" in ref else email_of(ref)
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
        deliver.TOO_EARLY_SECONDS = self._too_early

    # --- what is true ------------------------------------------------------------------------------------------------

    def decide(self, ref: str, account: AccountState) -> None:
        self.vows.hear(ref, account)
        self.told.append((ref, account))
        self.lost.discard(ref)
        self.world.append(account)
        self.place[ref] = len(self.world.log[lane_of(account.school, 2)]) - 1

    def is_late(self, ref: str) -> bool:
        """Told after the delivery began."""
        return self.place[ref] >= self.world.ends.get(lane_of(school_of(ref.partition("/")[0]), 2), 0)

    def holder(self, email: str) -> str | None:
        for ref, one in self.truth.items():
            if one.status == "enabled" and one.details and email_key(one.details.email) == email_key(email):
                return ref
        return None

    def comes(self, ref: str, email: str, details: dict[str, Any], is_seen: bool) -> None:
        book, _, person = ref.partition("/")
        if book not in self.books or self.holder(email) not in (None, ref):
            return
        if ref == OWN and self.drawn["protects"] == "one of ours":
            details = details | {"first_name": "Ada"}
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
        before = self.truth[ref].details if ref in self.truth else None
        self.leaves(ref, is_seen=True)
        self.comes(ref, before.email if before else email_of(ref), details, is_seen=True)

    def leaves(self, ref: str, is_seen: bool) -> None:
        """Decided at the close of a certified sweep."""
        before, book = self.truth.get(ref), ref.partition("/")[0]
        if before is None or before.status != "enabled" or before.details is None:
            return
        self.offset += 1
        fields: Any = {name: getattr(before, name) for name in before.__struct_fields__}
        evidence = Evidence(kind="certificate", ref="sweep", offset=self.offset)
        self.decide(ref, AccountState(**(fields | {"offset": self.offset, "status": "disabled", "evidence": evidence})))
        self.goes_on(book, is_seen)

    def is_undecided(self, ref: str, is_seen: bool) -> None:
        """On the roll, and no rule lets them have an account yet."""
        book, _, person = ref.partition("/")
        self.offset += 1
        more: dict[str, Any] = {"school": school_of(book), "kind": kind_of(book), "email": email_of(ref)}
        more |= {"first_name": "Ada", "preferred_name": "Ada", "last_name": person}
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
            self.unswept.discard(book)
            self.world.is_swept = not self.is_restored
            self.is_let = self.is_let and not self.world.is_swept
            self.full_offset[book] = self.offset
            for ref, account in list(self.truth.items()):
                if ref.startswith(f"{book}/"):
                    fields: Any = {name: getattr(account, name) for name in account.__struct_fields__}
                    self.decide(ref, AccountState(**(fields | {"offset": self.offset})))
        school, kind = school_of(book), kind_of(book)
        self.world.append(a_school(self.offset, school=school, kind=kind, full_offset=self.full_offset[book]))
        self.goes_on(book, is_seen)

    @rule()
    def everything_is_swept(self) -> None:
        for book in self.books:
            self.sweeps(book, full=True, is_seen=True)

    def is_lost(self, ref: str) -> None:
        """By ``account-state``, as nobody has ordered."""
        if ref in self.truth:
            self.lost.add(ref)
            book, _, person = ref.partition("/")
            self.world.forget(person, book)

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
        before = self.listed[slug]
        retired = retired_from(structure, before.structure, before.retired)
        self.listed[slug] = StructureState(school=slug, offset=self.offset, structure=structure, retired=retired)
        self.world.append(self.listed[slug])
        self.goes_on(slug, is_seen=True)

    @rule(list=st.sampled_from(["all", "ours", "none"]))
    def says_yes(self, list: str) -> None:
        """To the roster, with a list of all accounts that are enabled, of those that we know, or without."""
        accounts = [one for one in self.unitu.accounts().values() if one.enabled]
        if list == "ours":
            accounts = [one for one in accounts if self.vows.owners.get(email_key(one.email))]
        with contextlib.suppress(NotWhole):
            shown = self.world.desk.show("abbey", None if list == "none" else [one.email for one in accounts])
            self.world.desk.adopt(shown, words=shown.words)
            self.vows.approved |= set(shown.disabled)
            self.vows.adopted |= shown.roster.keys()
            self.vows.blind |= self.unswept if self.doubts.is_memory_lost else set()
            is_open = self.world.state.intent is not None
            self.doubts.adopt(shown.roster, () if list == "none" else accounts, is_open=is_open)
            if gone := self.undecided_at_unitu() & set(shown.disabled):
                self.vows.wrong.append(f"on the roll, undecided and not kept: {gone}")

    def undecided_at_unitu(self) -> set[str]:
        """Not whose account somebody else has had since, or whose record in the protected file is refused."""
        return {
            email
            for ref, one in self.truth.items()
            if one.status == "none" and ref not in self.lost
            if f"/{(email := email_of(ref))}" not in self.world.state.refused
            if self.vows.owners.get(email, ref) == ref
        }

    @rule()
    def releases(self) -> None:
        with contextlib.suppress(NotWhole):
            waits = self.world.desk.waits("abbey")
            self.world.desk.release("abbey", waits)
            self.vows.released |= {(wait.ref, email_key(wait.own)) for wait in waits}
            self.works(0.0)

    @rule()
    def lets_go(self) -> None:
        """Whatever is held by a hash, as it is shown."""
        with contextlib.suppress(NotWhole, Outdated):
            holds = self.world.desk.holds("abbey")
            self.world.desk.let_go("abbey", [one.hash for one in holds])
            for one in holds:
                self.vows.give((email_key(email), ref) for email, _, ref in one.gives)
                self.vows.let |= set(map(email_key, one.disabled))
                self.is_let = self.is_let or one.code in ("not_fresh", "sweep_ahead")
            self.works(0.0)

    # --- what must hold ----------------------------------------------------------------------------------------------

    def hears_post(self, posted: Posted) -> None:
        self.posted.append(posted)
        if not self.world.is_swept and not self.is_let:
            self.vows.wrong.append("what was put back was sent, and nobody has read it again")
        last = last_of(self.world.state)  # with the intent of this body
        if posted.told is None:
            self.vows.taken_in_part(posted, last.seats)
        elif not self.is_let:
            people, is_unsure = self.world.views.read("abbey").facts.people, self.world.state.unknown is not None
            self.vows.watch(posted, last.seats, people, is_unsure=is_unsure)

    def hears(self, told: Sequence[Frozen]) -> None:
        posted, self.posted = self.posted, []
        accepted = [event for event in told if isinstance(event, SnapshotAccepted)]
        for event in told:
            if isinstance(event, SnapshotHeld) and not posted:
                self.vows.hold(self.world.state.held, [email_key(who.email) for who in event.who])
        if not posted:
            return
        if not accepted or posted[-1].told is None:
            self.doubts.unknown(posted[-1])
            return
        self.vows.wrong += self.doubts.disagreements(accepted[-1].report, posted[-1])
        self.doubts.accepted(posted[-1], is_overtaken=self.world.state.unknown is not None)
        self.vows.accepted(self.world.views.read("abbey").facts.people)
        self.vows.blind &= self.unswept

    @invariant()
    def all_agree(self) -> None:
        wrong = self.vows.wrong if hasattr(self, "vows") else []
        assert wrong == [], wrong
