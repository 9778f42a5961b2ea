"""Plays one seed's story in a town, and holds Unitu to the oracle after each round and at every moment."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable
from datetime import datetime

import msgspec

from services.cli.commands import give
from services.cli.holds import holdings_of
from services.publisher.adopt import NotWhole, Outdated
from services.publisher.app import DeskParts
from services.sandbox.demo.schools import entities_of
from services.sandbox.isams_records import School
from services.sandbox.twin_client import IsamsTwin, UnituTwin
from shared.errors import Retryable, RollcallError
from shared.events import ReleaseHold, RollRead, SweepCompleted
from shared.topics import ACCOUNT_CHANGES, STUDENTS_FETCHED
from shared.wire import Record, decode
from tests.soak.faults import Fault, common_fault, own_faults
from tests.soak.oracle import Oracle
from tests.soak.town import SoakTown, key_of, trouble, until
from tests.soak.truth import Act, rounds_of, school_of, slug_of, truth_of

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "2"))  # fewer are the beginning of more
SETTLE_SECONDS = 400.0  # for what must come, with the faults of every other story in the way, on a busy machine
HIDE_SECONDS = 4.0  # some sweeps see it


class Player:
    def __init__(self, seed: int, town: SoakTown) -> None:
        self.seed, self.town, self.slug = seed, town, slug_of(seed)
        school = school_of(seed)
        self.truth = truth_of(school)
        self.oracle = Oracle({one["id"]: one["code"] for one in school["subjects"]})
        self.oracle.see(self.truth)
        self.rounds = rounds_of(seed, truth_of(school), ROUNDS)
        self.own = own_faults(seed, ROUNDS)
        self.common = common_fault(seed)
        self.dice = random.Random(f"play {seed}")
        self.struck_at = self.dice.randrange(2)
        self.log: list[tuple[float, str]] = []
        self.given: dict[str, float] = {}  # the hash of each hold that was released, and when
        self.ends: dict[str, list[tuple[float, str]]] = {}  # of each pupil: when it left or vanished, and how
        self.isams = IsamsTwin(town.isams_url, self.slug)
        self.unitu = UnituTwin(town.unitu_url, self.slug)
        self.isams.load(school, client_id="soak", client_secret=key_of(self.slug))
        self.unitu.create(
            api_key=key_of(self.slug), entities=entities_of(msgspec.convert(school, School, str_keys=True))
        )

    def close(self) -> None:
        self.isams.close()
        self.unitu.close()

    def note(self, text: str) -> None:
        self.log.append((time.time(), text))

    # --- the course ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        with DeskParts(self.town.config) as desk:

            def adopted() -> bool:
                try:
                    desk.adopt(desk.show(self.slug, []), "soak")
                except (NotWhole, Outdated, Retryable):
                    return False
                return True

            until(adopted, lambda: "adoption", self.town.check, SETTLE_SECONDS)
        self.settle()

    def play(self) -> None:
        for number, (acts, faults) in enumerate(zip(self.rounds, self.own, strict=True)):
            todo: list[Act | Fault] = [*acts, *faults]
            if number == self.struck_at:
                todo.append(self.common)
            self.dice.shuffle(todo)
            for one in todo:
                time.sleep(self.dice.uniform(0.0, 0.8))
                if isinstance(one, Act):
                    self.act(one)
                elif one.is_common:
                    self.town.strike(one)
                else:
                    self.strike(one)
            if self.truth.hidden:
                time.sleep(HIDE_SECONDS)
                self.isams.clear_faults()
                self.truth.hidden = frozenset()
                self.note("nobody is hidden any more")
            self.oracle.see(self.truth)
            self.note(f"round {number + 1} ends")
            self.settle()

    def act(self, act: Act) -> None:
        self.note(str(act))
        for id in act.touches if act.kind in ("leave", "leave_many", "vanish") else ():
            self.ends.setdefault(id, []).append((time.time(), act.kind))
        match act.kind:
            case "join":
                self.isams.add(act.record)
            case "admit":
                self.isams.enrol(act.pupil, **act.fields)
            case "leave" | "leave_many":
                self.isams.leave(*sorted(act.touches))
            case "vanish":
                self.isams.remove(act.pupil)
            case "come_back":
                self.isams.come_back(act.pupil)
            case "hide_many":
                self.isams.fault({"kind": "hidden_ids", "ids": list(act.who)})
            case "quit_set" | "move_set":
                self.isams.replace(setLists=self.truth.sets | act.sets)
            case _:
                self.isams.change(act.pupil, **act.fields)
        self.truth.apply(act)

    def strike(self, fault: Fault) -> None:
        self.note(f"{fault} begins")
        if fault.kind == "line":
            trouble(getattr(self.town, fault.words["line"])[self.slug], fault)
        else:
            server = self.isams if fault.kind == "isams" else self.unitu
            hidden = [{"kind": "hidden_ids", "ids": list(self.truth.hidden)}] if self.truth.hidden else []
            server.fault(fault.words, *(hidden if server is self.isams else ()))
            time.sleep(fault.seconds)
            server.clear_faults()
            if server is self.isams and hidden:
                server.fault(*hidden)
        self.note(f"{fault.kind} is over")

    def release(self) -> None:
        """
        A person looks at what is held, and says yes when everybody in it has really gone, as `rollcall holds release`
        does. A leaver counts as unexplained where the fetcher's memory was lost, and then a few are too many.
        """
        ended = {id for id, where in self.truth.where.items() if where in ("left", "gone")}
        try:
            for one in holdings_of(self.town.config).of(self.slug):
                who = {student.student_id for student in one.students}
                is_new = time.time() - self.given.get(one.hold.hash, 0) > 10  # it takes effect in a while
                if one.plan.startswith("disable") and one.hold.state == "held" and is_new and who and who <= ended:
                    self.given[one.hold.hash] = time.time()
                    order = ReleaseHold(school=self.slug, plan=one.plan, hash=one.hold.hash, operator="soak")
                    give(self.town.config, order)
                    self.note(f"released {one.plan} {one.hold.hash}: {sorted(who)}")
        except RollcallError as trouble:
            self.note(f"holds cannot be seen: {trouble}")

    def settle(self) -> None:
        """Unitu has what it ought to have."""

        def has_settled() -> bool:
            if not self.differences():
                return True
            self.release()
            return False

        until(has_settled, self.say_differences, self.town.check, SETTLE_SECONDS)
        self.note("Unitu has what it ought to have")

    def differences(self) -> list[tuple[str, str, object, object]]:
        self.unitu.wait_idle()
        return self.oracle.differences(self.unitu.accounts())

    # --- at every moment -------------------------------------------------------------------------------------------

    def audit(self, fetched: Iterable[Record], changes: Iterable[Record]) -> None:
        """
        Nobody was ever disabled who was neither said to have left nor absent from two certified rolls; and no id ever
        bore two contents. Raises: AssertionError with the story of the pupil.
        """
        sweeps = self.sweeps(fetched)
        for event in self.unitu.history():
            change = event["change"]
            if change["kind"] != "disable":
                continue
            id = self.oracle.whose(change["email"])
            at = moment(event["at"])
            assert id is not None, f"seed {self.seed}: {change['email']} is nobody's"
            ends = [(begun, kind) for begun, kind in self.ends.get(id, []) if begun <= at]
            if not any(self.is_evident(id, begun, kind, at, sweeps) for begun, kind in ends):
                raise AssertionError(f"disabled at {clock(at)} without evidence\n{self.story(id)}")
        told: dict[str, bytes] = {}
        for record in changes:
            if record.key.partition("/")[0] == self.slug:
                before = told.setdefault(record.header("ce_id") or "", record.value)
                assert before == record.value, f"one id, two contents: {record.key}\n{self.story(record.key)}"

    @staticmethod
    def is_evident(
        id: str, begun: float, kind: str, at: float, sweeps: list[tuple[float, float, frozenset[str]]]
    ) -> bool:
        if kind != "vanish":
            return True
        return sum(id not in roll and begun <= end <= at for _, end, roll in sweeps) >= 2

    def sweeps(self, fetched: Iterable[Record]) -> list[tuple[float, float, frozenset[str]]]:
        """Of each certified sweep: when it began and ended, and who was in its roll."""
        rolls: dict[str, frozenset[str]] = {}
        parts: dict[str, dict[int, RollRead]] = {}
        found = {}
        for record in fetched:
            if record.key != self.slug:
                continue
            event = decode(record.header("ce_type"), record.value)
            if isinstance(event, RollRead):
                parts.setdefault(event.sweep, {})[event.chunk] = event
            elif isinstance(event, SweepCompleted):
                mine = parts.get(event.sweep, {})
                if mine and len(mine) == next(iter(mine.values())).chunks:
                    rolls[event.certificate.roll_hash] = frozenset(id for one in mine.values() for id in one.ids)
                roll = rolls.get(event.certificate.roll_hash)
                if roll is not None:
                    found[event.sweep] = (moment(event.started_at), moment(event.completed_at), roll)
        return list(found.values())

    # --- the story -------------------------------------------------------------------------------------------------

    def say_differences(self) -> str:
        found = self.differences()
        lines = [f"{id} {name}: ought to be {ought!r}, is {is_!r}" for id, name, ought, is_ in found]
        return "\n".join([*lines, *(self.story(id) for id in list(dict.fromkeys(one[0] for one in found))[:2])])

    def story(self, id: str) -> str:
        """All that happened to one pupil, and around them, in the order of time."""
        again = f"make soak SEED={self.seed}"
        lines = [(at, f"      {text}") for at, text in self.town.log]
        lines += [(at, f"{'  ==>' if id in text else '     '} {text}") for at, text in self.log]
        account = self.oracle.accounts.get(id)
        if account is not None:
            for event in self.unitu.history(account.delivered):
                change = {name: value for name, value in event["change"].items() if value not in ("", None)}
                lines.append((moment(event["at"]), f"UNITU {change} by snapshot {event['snapshot']}"))
        for topic in (STUDENTS_FETCHED, ACCOUNT_CHANGES):
            for record in self.town.records(topic):
                if record.key in (f"{self.slug}/{id}", self.slug) and (read := record.header("ce_time")):
                    is_own = record.key != self.slug
                    text = record.value.decode(errors="replace")[: 1500 if is_own else 200]
                    lines.append(
                        (moment(read), f"{topic}/{record.lane}@{record.offset} {record.header('sweep')} {text}")
                    )
        told = "\n".join(f"{clock(at)} {text}" for at, text in sorted(lines))
        where, record = self.truth.where.get(id), self.truth.records.get(id, {})
        names = ("forename", "surname", "schoolEmailAddress", "systemStatus")
        last = f"{where}: {[record.get(name) for name in names]}"
        return f"--- seed {self.seed} ({again}), pupil {id}, {last}\n{told}\n{account}\n"


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def clock(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]
