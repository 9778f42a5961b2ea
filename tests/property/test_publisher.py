"""
Whatever happens to schools, stores, processes and Unitu: nobody who is there loses their account, and all ends well.

The truth is kept beside the world. ``Watch`` looks at every snapshot that Unitu applies: whoever it disables must have
left, by evidence that came after the last snapshot that had them, or have been shown to a person who said yes.
"""

import contextlib
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.publisher.decisions import NotWhole, Outdated
from services.publisher.last_snapshot import last_of
from shared.contract.account_state import AccountState
from shared.contract.tenant_state import email_key
from shared.lanes.loop import log as lane_log
from shared.memory import MemoryDueQueue
from tests.unit.publisher.world import Crash, World, a_config, a_lane, a_leaver, a_school, an_account

STUDENTS = st.sampled_from("12")
NAMES = st.sampled_from(["Ada", "Bea"])
MOSTLY = st.sampled_from([True, True, True, False])
OUTCOMES = ["times-out", "lost", "crash", 429, 503, 422, "points"]
DAY = 86_400.0
JOINER = "4"  # the only one who may come with somebody else's address


class PublisherMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        lane_log.disabled = True  # it tells each of the many rebuilds
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.world = World(a_config(self.path))
        self.offset = 10
        self.truth: dict[str, AccountState] = {}
        self.told: list[AccountState] = []
        self.left_at: dict[str, list[int]] = {}
        self.full_offset = -1
        self.owners: dict[str, str] = {}  # e-mail -> whose record it had in the last snapshot that had it
        self.had_at: dict[str, int] = {}  # e-mail -> where the lane stood then
        self.posted: dict[str, set[str]] = {}  # student -> every e-mail that was ever sent for them
        self.released: set[tuple[str, str]] = set()
        self.approved: set[str] = set()
        self.given: set[tuple[str, str]] = set()  # (e-mail, student) of each move that a person let go
        self.backup: Any = None
        self.is_restored = False  # and no full sweep has said since what is true
        self.wrong: list[str] = []
        apply = self.world.unitu.apply

        def watched(body: bytes) -> None:
            self.watch(json.loads(body))
            apply(body)

        self.world.unitu.apply = watched  # type: ignore[method-assign]

    def teardown(self) -> None:
        try:
            self.ends_well()
        finally:
            self.folder.cleanup()
            lane_log.disabled = False

    # --- what is true ------------------------------------------------------------------------------------------------

    def decide(self, account: AccountState) -> None:
        self.truth[account.student_id] = account
        self.told.append(account)
        self.world.append(account)

    @initialize()
    def starts(self) -> None:
        for student in "123":
            self.joins_or_changes(student, "", "Ada", is_seen=False)
        self.sweeps(full=True, is_seen=False)
        self.world.read()
        self.says_yes()

    def holder(self, email: str) -> str | None:
        """Which student's it is by the school's records."""
        held = (one.student_id for one in self.truth.values() if one.status == "enabled" and one.details)
        return next((one for one in held if self.truth[one].details.email == email), None)  # type: ignore[union-attr]

    @rule(student=STUDENTS, variant=st.sampled_from(["", "", "-new"]), name=NAMES, is_seen=MOSTLY)
    def joins_or_changes(self, student: str, variant: str, name: str, is_seen: bool) -> None:
        self.comes(student, f"s{student}{variant}@x", name, is_seen)

    @rule(student=STUDENTS, name=NAMES, is_seen=MOSTLY)
    def joins_with_the_address_of(self, student: str, name: str, is_seen: bool) -> None:
        """Of one who has left: the school gives it away."""
        self.comes(JOINER, f"s{student}@x", name, is_seen)

    def comes(self, student: str, email: str, name: str, is_seen: bool) -> None:
        if self.holder(email) not in (None, student):
            return
        self.offset += 1
        self.decide(an_account(student, self.offset, email=email, first_name=name))
        self.goes_on(is_seen)

    @rule(student=STUDENTS, is_seen=MOSTLY)
    def leaves(self, student: str, is_seen: bool) -> None:
        """Decided at the close of a certified sweep."""
        before = self.truth.get(student)
        if before is None or before.status != "enabled":
            return
        self.offset += 1
        assert before.details is not None
        self.decide(a_leaver(student, self.offset, email=before.details.email))
        self.left_at.setdefault(student, []).append(self.offset)
        self.goes_on(is_seen)

    @rule(full=st.booleans(), is_seen=MOSTLY)
    def sweeps(self, full: bool, is_seen: bool) -> None:
        """A certified close; a full one tells everybody anew."""
        if self.is_restored and not full:
            return  # its certificate does not agree with what the reconciler has
        self.offset += 1
        if full:
            self.is_restored, self.world.is_swept = False, True
            self.full_offset = self.offset
            for account in list(self.truth.values()):
                fields: Any = {name: getattr(account, name) for name in account.__struct_fields__}
                self.decide(AccountState(**(fields | {"offset": self.offset})))
        self.world.append(a_school(self.offset, full_offset=self.full_offset))
        self.goes_on(is_seen)

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    @rule(student=STUDENTS, is_all_that_is_left=st.booleans())
    def a_stale_owner_writes(self, student: str, is_all_that_is_left: bool) -> None:
        """What it once knew of a student: the last of its key now, and all that compaction will leave."""
        truth = self.truth.get(student)
        told = [one for one in self.told if one.student_id == student and truth and one.status != truth.status]
        self.world.append(*told[-1:])
        if is_all_that_is_left:
            self.redis_is_lost(is_compacted=True)

    @rule(is_compacted=st.booleans())
    def redis_is_lost(self, is_compacted: bool) -> None:
        if is_compacted:
            last = {record.key: record for record in self.world.log[0]}
            kept = [record for record in self.world.log[0] if last[record.key] is record]
            self.world.log[0] = [record.at_offset(place) for place, record in enumerate(kept)]
        self.world.empty_redis()

    @rule(student=STUDENTS)
    def account_state_loses(self, student: str) -> None:
        if self.world.log.get(0):
            self.world.forget(student)

    @rule()
    def a_backup_is_made(self) -> None:
        world = self.world
        kept = world.log, world.out, world.lanes, world.tenant_hashes, world.wake_hashes
        self.backup = copy.deepcopy(kept)

    @rule(has_redis=st.booleans())
    def the_backup_is_restored(self, has_redis: bool) -> None:
        """Unitu and the school have gone on since; the school has not been read again yet."""
        if self.backup is None:
            return
        world = self.world
        world.log, world.out, *redis = copy.deepcopy(self.backup)
        self.is_restored, world.is_swept = True, False
        if has_redis:
            world.lanes, world.tenant_hashes, world.wake_hashes = redis
            world.due = MemoryDueQueue()
            world.restart()
        else:
            world.empty_redis()

    @rule()
    def the_school_goes_dark(self) -> None:
        self.world.is_swept = False

    @rule(days=st.sampled_from([1, 6, 40]))
    def time_passes(self, days: int) -> None:
        self.world.clock.advance(days * DAY)

    @rule(days=st.sampled_from([0.01, 400]))
    def the_clock_is_ahead_for_a_moment(self, days: float) -> None:
        before = self.world.clock.moment
        self.world.clock.advance(days * DAY)
        self.works(5.0)
        self.world.clock.moment = before

    @rule(step=st.sampled_from(OUTCOMES))
    def unitu_will(self, step: str | int) -> None:
        self.world.unitu.plan = [step]

    # --- what goes on ------------------------------------------------------------------------------------------------

    def goes_on(self, is_seen: bool) -> None:
        """Its batch ends, and everybody is quick."""
        self.world.recount("abbey")
        self.world.append(a_lane(self.offset + 1))
        if is_seen:
            self.world.read()
            self.works(5.0)

    @rule(records=st.integers(1, 5))
    def the_view_reads_a_little(self, records: int) -> None:
        start = self.world.loop.start(0)
        if batch := self.world.log[0][start : start + records]:
            self.world.loop.step({0: batch})

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

    @rule()
    def says_yes(self) -> None:
        with contextlib.suppress(NotWhole):
            shown = self.world.desk.show("abbey")
            self.world.desk.adopt(shown, words=shown.words)
            self.approve(shown.disabled)

    def approve(self, disabled: tuple[str, ...]) -> None:
        """Somebody has seen who would be disabled."""
        self.approved |= set(disabled)

    @rule()
    def releases(self) -> None:
        with contextlib.suppress(NotWhole):
            waits = self.world.desk.waits("abbey")
            self.world.desk.release("abbey", waits)
            self.released |= {(wait.person, email_key(wait.own)) for wait in waits}

    @rule()
    def lets_go(self) -> None:
        """Whatever is held by a hash, as it is shown."""
        with contextlib.suppress(NotWhole, Outdated):
            holds = self.world.desk.holds("abbey")
            self.world.desk.let_go("abbey", [one.hash for one in holds])
            for one in holds:
                self.approved |= set(one.disabled)
                self.given |= {(email_key(email), ref.split("/")[1]) for email, _, ref in one.gives}

    # --- what must hold ----------------------------------------------------------------------------------------------

    def watch(self, body: dict[str, Any]) -> None:
        here = {email_key(one["email"]): one["id"] for one in body["students"]}
        by_student = {student: email for email, student in here.items()}
        last = last_of(self.world.state)  # with the intent of this body
        if len(by_student) != len(here):
            self.wrong.append("one person twice")
        for email, is_enabled in self.world.unitu.accounts.items():
            if is_enabled and email not in here:
                self.judge(email, self.owners[email], by_student)
        for email, student in here.items():
            if self.owners.get(email, student) != student and (email, student) not in self.given:
                self.wrong.append(f"{student} was given the account of {self.owners[email]}, {email}")
        for email, student in here.items():
            seats = last.seats.get(email)  # who is held and sent as before keeps the position of their own record
            self.owners[email], self.had_at[email] = student, seats[0].position if seats else -1
            self.posted.setdefault(student, set()).add(email)

    def judge(self, email: str, owner: str, here: dict[str, str]) -> None:
        if email in self.approved:
            return
        if (now := here.get(owner)) is not None:
            if (owner, now) not in self.released and now not in self.posted.get(owner, set()):
                self.wrong.append(f"{owner} was moved from {email} to {now}")
        elif not any(at >= self.had_at[email] for at in self.left_at.get(owner, [])):
            self.wrong.append(f"{owner} lost {email}, and never left since {self.had_at[email]}")

    @invariant()
    def nobody_was_wronged(self) -> None:
        assert self.wrong == [], self.wrong

    def ends_well(self) -> None:
        """Once the troubles are over, Unitu has exactly who is there; at worst, a person must say yes once more."""
        self.world.unitu.plan.clear()
        for one in list(self.truth.values()):
            if one.status == "enabled" and one.details:  # a record that Unitu refused is corrected
                self.comes(one.student_id, one.details.email, "Cea", is_seen=False)
        self.sweeps(full=True, is_seen=True)
        self.works(600.0)
        self.sweeps(full=True, is_seen=True)  # after whatever was rebuilt meanwhile
        self.somebody_publishes()
        for _ in range(3):  # an address is free once its owner has another, and then waits for a yes
            self.releases()
            self.lets_go()
            self.somebody_publishes()
        if self.world.state.held is not None:
            self.says_yes()
            self.somebody_publishes()
            self.lets_go()
            self.somebody_publishes()
        assert self.world.state.held is None, self.world.state.held
        enabled = {student for student, account in self.truth.items() if account.status == "enabled"}
        there = {one["id"] for one in self.world.unitu.bodies[-1]["students"]}
        assert there == enabled, (there, enabled)
        assert self.wrong == [], self.wrong


TestPublisher = PublisherMachine.TestCase
TestPublisher.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
