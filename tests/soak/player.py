"""Plays one seed's story in a town, and holds Unitu to the oracle after each round and at every moment."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.operations.commands import give
from services.operations.holds.holdings import holdings_of
from services.publisher.app import DeskParts
from services.publisher.decisions import NotWhole, Outdated
from services.sandbox.demo.schools import entities_of
from services.sandbox.isams.records import School
from services.sandbox.twin_client import IsamsTwin, UnituTwin
from shared.contract.codec import Record, decode
from shared.contract.commands import ReleaseHold
from shared.contract.deliveries import SnapshotHeld
from shared.contract.model import Kind
from shared.contract.populations import book_of
from shared.contract.topics import ACCOUNT_CHANGES, DELIVERIES, STUDENTS_FETCHED
from shared.errors import Retryable, RollcallError
from tests.soak.audit import Book, moment, opened_twice, passed_over, sweeps_of
from tests.soak.expected import Act, Json, rounds_of, school_of, slug_of, truth_of
from tests.soak.faults import Fault, common_fault, hidden, own_faults, refused, shut_lists, staff_faults
from tests.soak.harness import SoakTown, key_of, trouble, until
from tests.soak.reference_model import Oracle, StaffOracle, by_email, key, strangers
from tests.soak.staff import DIVISION, OF_DIVISION, employ, has_staff, staff_of, staff_rounds_of

Difference = tuple[Book, str, str, object, object]  # whose, the field, what it ought to be and what it is
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "2"))  # fewer are the beginning of more
SETTLE_SECONDS = 400.0  # for what must come, with the faults of every other story in the way, on a busy machine
HIDE_SECONDS = 4.0  # some sweeps see it


class Player:
    """``books``: the students' and, where they are managed, the staff's."""

    def __init__(self, seed: int, town: SoakTown) -> None:
        self.seed, self.town, self.slug = seed, town, slug_of(seed)
        self.rounds = [list(acts) for acts in rounds_of(seed, truth_of(school_of(seed)), ROUNDS)]
        self.own, self.common = own_faults(seed, ROUNDS), common_fault(seed)
        self.dice = random.Random(f"play {seed}")
        self.struck_at = self.dice.randrange(2)
        self.more: list[list[Act | Fault]] = [[] for _ in range(ROUNDS)]  # what staff bring, by round
        self.log: list[tuple[float, str]] = []
        self.given: dict[str, float] = {}  # the hash of each hold that was released, and when
        self.shut: Kind | None = None  # whose list is refused now
        self.isams = IsamsTwin(town.isams_url, self.slug)
        self.unitu = UnituTwin(town.unitu_url, self.slug)
        school = school_of(seed)
        subjects = {one["id"]: one["code"] for one in school["subjects"]}
        self.students = Book("student", self.slug, truth_of(school), Oracle(subjects))
        self.books = [self.students]
        accounts = self.employ(school, subjects) if has_staff(seed) else []
        self.school = school
        self.isams.load(school, client_id="soak", client_secret=key_of(self.slug))
        self.refuse(self.shut)
        self.unitu.create(
            api_key=key_of(self.slug),
            accounts=accounts,
            entities=entities_of(msgspec.convert(school, School, str_keys=True)),
        )
        self.look()

    def employ(self, school: Json, subjects: Mapping[int, str]) -> list[Json]:
        """The staff's book, and what happens to it. Gives the accounts that some of them have at Unitu already."""
        employ(school, self.seed)
        acts = staff_rounds_of(self.seed, school, ROUNDS)
        shut = shut_lists(self.seed, ROUNDS)
        self.shut = shut[0]
        for number, faults in enumerate(staff_faults(self.seed, ROUNDS)):
            kind = shut[number + 1]
            self.more[number] = [*acts[number], *faults, *([Fault("shut", words={"of": kind})] if kind else [])]
        known = [one for one in school["employees"] if one["id"] % 2]
        titles = {one["schoolEmailAddress"]: f"Earlier {one['title']}" for one in known}
        oracle = StaffOracle(subjects, dict.fromkeys(OF_DIVISION, DIVISION), titles)
        self.books.append(Book("staff", book_of(self.slug, "staff"), staff_of(school), oracle))
        names = {"first_name": "Earlier", "last_name": "Import", "kind": "staff"}
        return [{"email": email, "university_title": title, **names} for email, title in titles.items()]

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
                    shown = desk.show(self.slug, [])
                    desk.adopt(shown, "soak", shown.words)
                except (NotWhole, Outdated, Retryable):
                    return False
                return True

            if self.shut:
                until(self.students_are_read, lambda: "two sweeps", self.town.check, SETTLE_SECONDS)
                for _ in range(3):
                    assert not adopted(), f"seed {self.seed}: a roster was adopted without its staff"
                    time.sleep(1)
                self.refuse(None)
            until(adopted, lambda: "adoption", self.town.check, SETTLE_SECONDS)
        self.settle()

    def students_are_read(self) -> bool:
        try:
            return len(sweeps_of(self.slug, self.town.records(STUDENTS_FETCHED))) >= 2
        except Retryable:  # the topics are not there yet
            return False

    def play(self) -> None:
        dice = random.Random(f"play staff {self.seed}")
        for number, (acts, faults) in enumerate(zip(self.rounds, self.own, strict=True)):
            todo: list[Act | Fault] = [*acts, *faults]
            if number == self.struck_at:
                todo.append(self.common)
            self.dice.shuffle(todo)
            for one in self.more[number]:
                todo.insert(dice.randint(0, len(todo)), one)
            for one in todo:
                time.sleep((dice if one in self.more[number] else self.dice).uniform(0.0, 0.8))
                if isinstance(one, Act):
                    self.act(one)
                elif one.is_common:
                    self.town.strike(one)
                else:
                    self.strike(one)
            if any(book.truth.hidden for book in self.books):
                time.sleep(HIDE_SECONDS)
                for book in self.books:
                    book.truth.hidden = frozenset()
                self.stand()
                self.note("nobody is hidden any more")
            self.look()
            self.note(f"round {number + 1} ends")
            if self.shut:
                self.settle_beside(self.shut)
                self.refuse(None)
            self.settle()

    def look(self) -> None:
        """The oracles see what the school is like now."""
        for book in self.books:
            book.oracle.see(book.truth, *(one.oracle for one in self.books if one is not book))

    def act(self, act: Act) -> None:
        self.note(str(act))
        book = self.books[-1] if act.of == "staff" else self.students
        was = book.truth.where.get(act.pupil)
        book.act(act, time.time())
        if act.of == "staff":
            self.act_on_staff(act, book, was)
            return
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
                self.stand()
            case "quit_set" | "move_set":
                self.isams.replace(setLists=book.truth.sets)
            case _:
                self.isams.change(act.pupil, **act.fields)

    def act_on_staff(self, act: Act, book: Book, was: str | None) -> None:
        match act.kind:
            case "join" | "join_wanting":
                self.isams.add(act.record, to="employees")
            case "vanish":
                self.isams.remove(act.pupil, of="employees")
            case "come_back" if was == "gone":
                self.isams.add(book.truth.records[act.pupil], to="employees")
            case "hide" | "hide_many":
                self.stand()
            case "leave_many":
                self.isams.change_many(dict.fromkeys(act.who, act.fields), of="employees")
            case "teach":
                teachers = {name: int(teacher) for name, (teacher,) in book.truth.sets.items()}
                self.isams.replace(sets=[one | {"teacherId": teachers[str(one["id"])]} for one in self.school["sets"]])
            case _:
                self.isams.change(act.pupil, of="employees", **act.fields)

    def strike(self, fault: Fault) -> None:
        self.note(f"{fault} begins")
        if fault.kind == "shut":
            self.refuse(fault.words["of"])
            return
        if fault.kind == "line":
            trouble(getattr(self.town, fault.words["line"])[self.slug], fault)
        elif fault.words["kind"] == "other_school":
            with self.town.lock:  # what Redis lost would be no memory of whose list it was
                until(
                    self.knows_its_rolls, lambda: "sweeps since Redis lost something", self.town.check, SETTLE_SECONDS
                )
                self.struck(fault)
        elif fault.kind == "isams":
            self.struck(fault)
        else:
            self.unitu.fault(fault.words)
            time.sleep(fault.seconds)
            self.unitu.clear_faults()
        self.note(f"{fault.kind} is over")

    def struck(self, fault: Fault) -> None:
        self.stand(fault.words)
        time.sleep(fault.seconds)
        self.stand()

    def knows_its_rolls(self) -> bool:
        """
        Whether each list that can be read was certified since something of Redis was lost. Until then nobody could tell
        another school's from it: that takes two mishaps at once, and a person to put right.
        """
        lost_at, names = self.town.lost_at, [book.name for book in self.books if book.kind != self.shut]
        if not lost_at:
            return True
        fetched = self.town.records(STUDENTS_FETCHED)
        return all(any(start > lost_at for start, _, _ in sweeps_of(name, fetched)) for name in names)

    def refuse(self, kind: Kind | None) -> None:
        """The list of these people from now on; of nobody any more."""
        self.shut = kind
        self.stand()
        self.note(f"the list that is refused: {kind}")

    def stand(self, *faults: Mapping[str, Any]) -> None:
        """iSAMS misbehaves like this, and as long as they last like this: who is hidden, and what is refused."""
        last = [hidden(book.kind, book.truth.hidden) for book in self.books if book.truth.hidden]
        self.isams.clear_faults()  # lets go of whoever hangs
        self.isams.fault(*faults, *last, *([refused(self.shut)] if self.shut else []))

    def release(self) -> None:
        """
        A person looks at what is held, and says yes when it is so: everybody who is to go has really gone, and whoever
        is to have something is really here, as `rollcall holds release` and `rollcall publish --release` do. A leaver
        counts as unexplained where the fetcher's memory was lost, and then a few are too many.
        """
        try:
            for book in self.books:
                self.release_of(book)
            self.release_delivery()
        except RollcallError as trouble:
            self.note(f"holds cannot be seen: {trouble}")

    def release_of(self, book: Book) -> None:
        ended = {id for id, where in book.truth.where.items() if where in ("left", "gone")}
        for one in holdings_of(self.town.config).of(book.name):
            goes = one.plan.startswith("disable")
            who = {student.student_id for student in one.students if goes or student.create is None}
            is_so = who <= ended if goes or one.plan == "rekey" else not who & ended
            is_new = time.time() - self.given.get(one.hold.hash, 0) > 10  # it takes effect in a while
            if one.hold.state == "held" and is_new and one.students and is_so:
                self.given[one.hold.hash] = time.time()
                if goes or one.plan == "rekey":
                    book.released |= {id: book.released.get(id, time.time()) for id in who}
                order = ReleaseHold(
                    school=self.slug, kind=book.kind, plan=one.plan, hash=one.hold.hash, operator="soak"
                )
                give(self.town.config, order)
                self.note(f"released {book.name} {one.plan} {one.hold.hash}: {sorted(who)}")

    def release_delivery(self) -> None:
        """What the publisher holds: more than half of a kind at once, and addresses that go to somebody else."""
        ended = {
            email
            for book in self.books
            for id, where in book.truth.where.items()
            if where in ("left", "gone")
            for email in book.oracle.emails_of(id)
        }
        with DeskParts(self.town.config) as desk:
            try:
                if self.is_held_for("id_twice"):  # an employee has a student's number, and that is so
                    shown = desk.show(self.slug, [])
                    desk.adopt(shown, "soak", shown.words)
                    self.note(f"adopted again: {shown.words}")
                held = desk.holds(self.slug)
                yes = [one.hash for one in held if one.gives or (one.disabled and {*map(key, one.disabled)} <= ended)]
                if yes:
                    desk.let_go(self.slug, yes)
            except (NotWhole, Outdated) as later:
                self.note(f"nothing can be let go yet: {later}")
                return
        if yes:
            self.note(f"let go: {[one for one in held if one.hash in yes]}")

    def settle(self) -> None:
        """Unitu has what it ought to have."""

        def has_settled() -> bool:
            if not self.differences():
                return True
            self.release()
            return False

        until(has_settled, self.say_differences, self.town.check, SETTLE_SECONDS)
        self.note("Unitu has what it ought to have")

    def settle_beside(self, shut: Kind) -> None:
        """
        The other book is as it ought to be while this one's list is refused. But for whoever's e-mail both want, and
        for what staff teach: the students' sweeps read it. Where Redis was rebuilt meanwhile, nobody may go before each
        book was read in full; where the publisher has begun anew, nothing before each was certified.
        """
        (book,) = (one for one in self.books if one.kind != shut)

        def differences() -> list[Difference]:
            self.unitu.wait_idle()
            emails = {email for one in self.books for email in one.oracle.had if one is not book}
            found = book.oracle.compare(by_email(self.unitu.accounts()))
            return [
                (book, id, name, ought, is_)
                for id, name, ought, is_ in found
                if name not in StaffOracle.codes and not emails & book.oracle.emails_of(id)
            ]

        def has_settled() -> bool:
            if not differences():
                self.note(f"the {book.kind} book is as it ought to be, while the other's list is refused")
                return True
            if any(map(self.is_held_for, ("after_rebuild", "not_fresh"))):
                self.note(
                    f"the {book.kind} book waits for the other's list: Redis was rebuilt, or a publisher began anew"
                )
                return True
            self.release()
            return False

        until(has_settled, lambda: self.say(differences()), self.town.check, SETTLE_SECONDS)

    def is_held_for(self, code: str) -> bool:
        """Whether the last that was told of the tenant's deliveries is such a hold."""
        records = [one for one in self.town.records(DELIVERIES) if one.key == self.slug]
        last = decode(records[-1].header("ce_type"), records[-1].value) if records else None
        return isinstance(last, SnapshotHeld) and any(one.code == code for one in last.reasons)

    def differences(self) -> list[Difference]:
        self.unitu.wait_idle()
        there = by_email(self.unitu.accounts())
        found = [(book, *one) for book in self.books for one in book.oracle.compare(there)]
        return [*found, *((self.students, *one) for one in strangers(there))]

    # --- at every moment -------------------------------------------------------------------------------------------

    def audit(self, fetched: Sequence[Record], changes: Sequence[Record], quiet: float) -> None:
        """
        Nobody was ever disabled who was neither said to have left nor absent from two certified rolls of their book,
        nor more at once than may go without a person; and no id ever bore two contents. ``quiet``: since when nothing
        has struck, so that every sweep is taken. Raises: AssertionError with the story of the pupil.
        """
        sweeps = {book.name: sweeps_of(book.name, fetched) for book in self.books}
        gone: list[tuple[Book, str, float]] = []
        for event in self.unitu.history():
            change, at = event["change"], moment(event["at"])
            if change["kind"] != "disable":
                continue
            whose = [(book, id) for book in self.books for id in book.oracle.had.get(key(change["email"]), ())]
            assert whose, f"seed {self.seed}: {change['email']} is nobody's"
            evident = [(book, id) for book, id in whose if book.is_evident(id, at, sweeps[book.name])]
            if not evident:
                raise AssertionError(f"disabled at {clock(at)} without evidence\n{self.story(*whose[0])}")
            gone += [(book, id, at) for book, id in evident]
        for book in self.books:
            if beyond := book.beyond((id, at) for of, id, at in gone if of is book):
                raise AssertionError(
                    f"disabled beyond what may go without a person: {sorted(beyond)}\n{self.story(book, min(beyond))}"
                )
        twice = opened_twice([book.name for book in self.books], fetched)
        assert not twice, f"seed {self.seed}: sweeps of both books: {twice}"
        for book in self.books:
            over = passed_over(book.name, fetched, changes, quiet)
            assert not over, f"seed {self.seed}: {book.name} was read in {over}, and nothing came of it"
        told: dict[str, bytes] = {}
        for record in changes:
            name, _, id = record.key.partition("/")
            for book in self.books:
                if book.name == name:
                    before = told.setdefault(record.header("ce_id") or "", record.value)
                    assert before == record.value, f"one id, two contents: {record.key}\n{self.story(book, id)}"

    # --- the story -------------------------------------------------------------------------------------------------

    def say_differences(self) -> str:
        return self.say(self.differences())

    def say(self, found: list[Difference]) -> str:
        lines = [f"{book.name}/{id} {name}: ought to be {ought!r}, is {is_!r}" for book, id, name, ought, is_ in found]
        people = {(book.name, id): book for book, id, *_ in found}
        return "\n".join([*lines, *(self.story(book, id) for (_, id), book in list(people.items())[:2])])

    def story(self, book: Book, id: str) -> str:
        """All that happened to one pupil or member of staff, and around them, in the order of time."""
        again = f"make soak SEED={self.seed}"
        lines = [(at, f"      {text}") for at, text in self.town.log]
        lines += [(at, f"{'  ==>' if id in text else '     '} {text}") for at, text in self.log]
        account = book.oracle.accounts.get(id)
        if account is not None:
            for event in self.unitu.history(account.delivered):
                change = {name: value for name, value in event["change"].items() if value not in ("", None)}
                lines.append((moment(event["at"]), f"UNITU {change} by snapshot {event['snapshot']}"))
        for topic in (STUDENTS_FETCHED, ACCOUNT_CHANGES):
            for record in self.town.records(topic):
                if record.key in (f"{book.name}/{id}", book.name) and (read := record.header("ce_time")):
                    is_own = record.key != book.name
                    text = record.value.decode(errors="replace")[: 1500 if is_own else 200]
                    lines.append(
                        (moment(read), f"{topic}/{record.lane}@{record.offset} {record.header('sweep')} {text}")
                    )
        told = "\n".join(f"{clock(at)} {text}" for at, text in sorted(lines))
        where, person = book.truth.where.get(id), book.truth.records.get(id, {})
        names = ("forename", "surname", "schoolEmailAddress", "systemStatus")
        last = f"{where}: {[person.get(name) for name in names]}"
        return f"--- seed {self.seed} ({again}), {book.name}/{id}, {last}\n{told}\n{account}\n"


def clock(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]
