"""What happens at the schools, one thing after the other, and what comes out at Unitu."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from services.sandbox.demo.oracle import Oracle
from services.sandbox.demo.plan import DemoFailed
from services.sandbox.demo.schools import module_to_come
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.watch import Sweep, Watch
from services.sandbox.demo.world import World
from services.sandbox.isams.records import Student, TeachingSet
from services.sandbox.schools.school import make_joiner
from services.sandbox.schools.words import SURNAMES

SECONDS = 120.0  # for one thing to come out; it takes two on an idle machine, and a school that failed rests as long
Change = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """One thing: ``done`` at the school, ``came`` out at Unitu, so many seconds later."""

    school: str
    done: str
    came: str
    seconds: float


class Story:
    """
    Each method is one thing that happens; it returns when it has come out. ``telling`` has them in their order.

    Raises: DemoFailed, naming what did not come and whose log may say why.
    """

    def __init__(self, world: World, watch: Watch, oracles: dict[str, Oracle], patience: Patience) -> None:
        self._world = world
        self._watch = watch
        self._oracles = oracles
        self._patience = patience
        self._random = random.Random(f"{world.plan.seed}/story")
        self._small, self._middle, self._large = (world.schools[slug] for slug in world.plan.schools)
        self._leaver = self._random.choice(self._middle.students)
        first_page = self._large.students[: world.plan.page_size]
        self._renamed, self._blanked, self._other = self._random.sample(first_page, 3)

    def telling(self) -> Sequence[Callable[[], Told]]:
        return (
            self.joiner,
            self.corrected_surname,
            self.set_change,
            self.module_created,
            self.leaver,
            self.rejoiner,
            self.blanked_email,
            self.short_page,
        )

    def joiner(self) -> Told:
        slug = self._middle.slug
        student = make_joiner(slug, self._world.plan.seed % 999_999 + 1)
        since = _now()
        self._world.isams[slug].add(msgspec.to_builtins(student))
        changes = self._come(slug, student, since, {"provision"})
        return self._told(slug, f"{_name(student)} joins Year 7", "account created, " + _words(changes), since, changes)

    def corrected_surname(self) -> Told:
        slug, student = self._large.slug, self._renamed
        since, done = self._rename(slug, student)
        changes = self._come(slug, student, since, {"update"})
        return self._told(slug, done, _words(changes), since, changes)

    def set_change(self) -> Told:
        slug, isams = self._small.slug, self._world.isams[self._small.slug]
        student, old, new = self._change_of_set()
        since = _now()
        isams.set_members(new.id, [*isams.set_list(new.id), student.school_id])
        isams.set_members(old.id, [id for id in isams.set_list(old.id) if id != student.school_id])
        changes = self._come(slug, student, since, {"enrol", "unenrol"})
        done = f"{_name(student)} leaves set {old.set_code} for {new.set_code}"
        return self._told(slug, done, _words(changes), since, changes)

    def module_created(self) -> Told:
        """Whoever was blocked by it is enrolled once somebody has said that it is there."""
        slug = self._middle.slug
        code, id = module_to_come(self._middle)
        (student,) = (one for one in self._middle.students if one.school_id == id)
        since = _now()
        self._world.unitu[slug].add_entities(modules={code: code})
        self._oracles[slug].exists(code)
        self._world.command("structure-confirm", "structure", slug, "confirm", code, may_end=True)
        changes = self._come(slug, student, since, {"enrol"})
        done = f"module {code} is created at Unitu, and confirmed by rollcall structure {slug} confirm {code}"
        return self._told(slug, done, f"{_name(student)} {_words(changes)}", since, changes)

    def leaver(self) -> Told:
        slug, student = self._middle.slug, self._leaver
        since = _now()
        self._world.isams[slug].leave(student.school_id)
        changes = self._come(slug, student, since, {"disable"})
        return self._told(slug, f"{_name(student)} leaves the school", _words(changes), since, changes)

    def rejoiner(self) -> Told:
        slug, student = self._middle.slug, self._leaver
        since = _now()
        self._world.isams[slug].come_back(student.school_id)
        changes = self._come(slug, student, since, {"reenable"})
        return self._told(slug, f"{_name(student)} comes back", _words(changes), since, changes)

    def blanked_email(self) -> Told:
        """Nothing comes: the sweep that read it is decided, and has changed nothing of this student."""
        slug, student = self._large.slug, self._blanked
        before = self._changes_so_far(slug, student)
        since = _now()
        self._world.isams[slug].change(student.school_id, schoolEmailAddress=None)
        self._until_swept(slug, student, _now(), "certified")
        self._until_undecided(slug, student)
        self._must_be(self._changes_so_far(slug, student) == before, slug, student, "left as it was")
        self._must_be_enabled(slug, [student])
        self._see(slug)
        came = "nothing: undecided is no leaver, the account stays enabled"
        return Told(slug, f"{_name(student)}'s e-mail is blanked", came, (_now() - since).total_seconds())

    def short_page(self) -> Told:
        """The sweep proves nothing about who is gone; what it brings is delivered all the same."""
        slug, isams, size = self._large.slug, self._world.isams[self._large.slug], self._world.plan.page_size
        second = self._large.students[size : 2 * size]
        hidden = second[len(second) - max(1, len(second) // 3) :]
        since = _now()
        isams.fault({"kind": "short_page", "path": "/api/students", "page": 2, "missing": len(hidden)})
        _, done = self._rename(slug, self._other)
        changes = self._come(slug, self._other, since, {"update"})
        self._until_swept(slug, self._other, since, "failed")
        self._must_be_enabled(slug, [*hidden, self._blanked])
        isams.clear_faults()
        mended = _now()
        self._until_swept(slug, self._other, mended, "certified")
        self._must_be_enabled(slug, [*hidden, self._blanked])
        done = f"page 2 lacks {len(hidden)} of {len(second)} students, and {done}"
        return self._told(slug, done, f"nobody disabled, and {_words(changes)}", since, changes)

    # --- doing -------------------------------------------------------------------------------------------------------

    def _rename(self, slug: str, student: Student) -> tuple[datetime, str]:
        surname = self._random.choice([name for name in SURNAMES if name != student.surname])
        since = _now()
        self._world.isams[slug].change(student.school_id, surname=surname)
        return since, f"{_name(student)}'s surname is corrected"

    def _change_of_set(self) -> tuple[Student, TeachingSet, TeachingSet]:
        """Somebody who can go from a set to one of another subject in their year that they do not take yet."""
        members = self._small.set_lists
        for old in self._random.sample(self._small.sets, len(self._small.sets)):
            for student in self._small.students:
                if student.school_id not in members[old.id]:
                    continue
                taken = {one.subject_id for one in self._small.sets if student.school_id in members[one.id]}
                for new in self._small.sets:
                    if new.year == old.year and new.subject_id not in taken:
                        return student, old, new
        raise DemoFailed(f"nobody at {self._small.slug} can change a set; make the school larger")

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _come(self, slug: str, student: Student, since: datetime, kinds: set[str]) -> list[Change]:
        """What Unitu has done with the student's account since then, once each of the kinds is there."""
        unitu, email = self._world.unitu[slug], student.school_email_address or ""

        def changes() -> list[Change] | None:
            events = [event for event in unitu.history(email) if _at(event) >= since]
            found = [event["change"] | {"at": _at(event)} for event in events]
            return found if kinds <= {change["kind"] for change in found} else None

        what = f"{slug}: {' and '.join(sorted(kinds))} of {_name(student)} at Unitu"
        found = self._patience.until(changes, SECONDS, what, lambda: self._late(slug, student, since))
        self._see(slug)
        return found

    def _until_swept(self, slug: str, student: Student, since: datetime, outcome: str) -> Sweep:
        """A sweep that began after that moment is decided, with this outcome."""

        def sweep() -> Sweep | None:
            sweeps = self._watch.schools[slug].sweeps()
            return next((one for one in sweeps if one.started_at >= since.timestamp() and one.outcome == outcome), None)

        what = f"a sweep of {slug} that is {outcome}"
        return self._patience.until(sweep, SECONDS, what, lambda: self._late(slug, student, since))

    def _until_undecided(self, slug: str, student: Student) -> None:
        """Verdicts have a topic of their own: the one that a sweep brought may be read after the sweep's end."""
        verdicts = self._watch.schools[slug].verdicts
        self._patience.until(
            lambda: verdicts.get(student.school_id) == "undecided",
            SECONDS,
            f"{slug}: the verdict undecided of {_name(student)}",
            lambda: ("the eligibility", self._world.programs.log("eligibility")),
        )

    def _late(self, slug: str, student: Student, since: datetime) -> tuple[str, Path]:
        service = self._watch.silent_since(slug, student.school_id, since.timestamp())
        return f"the {service}", self._world.programs.log(service)

    def _see(self, slug: str) -> None:
        """Tell the oracle how the school stands now."""
        self._oracles[slug].see(self._world.isams[slug].dump())

    # --- looking -----------------------------------------------------------------------------------------------------

    def _changes_so_far(self, slug: str, student: Student) -> int:
        return len(self._watch.schools[slug].changes.get(student.school_id, []))

    def _must_be_enabled(self, slug: str, students: Sequence[Student]) -> None:
        enabled = self._world.unitu[slug].enabled()
        for student in students:
            self._must_be(student.school_email_address in enabled, slug, student, "enabled at Unitu")

    def _must_be(self, is_so: bool, slug: str, student: Student, what: str) -> None:
        if not is_so:
            raise DemoFailed(f"{slug}: {_name(student)} is not {what}", self._world.programs.log("reconciler"))

    def _told(self, slug: str, done: str, came: str, since: datetime, changes: Sequence[Change]) -> Told:
        last: datetime = max(change["at"] for change in changes)
        return Told(slug, done, came, (last - since).total_seconds())


def _words(changes: Sequence[Change]) -> str:
    """Changes of one account, as people say them."""
    words = []
    for change in changes:
        match change["kind"]:
            case "update":
                words.append(f"{change['what'].replace('_', ' ')} {change['before']} → {change['after']}")
            case "enrol":
                words.append(f"into {change['code']}")
            case "unenrol":
                words.append(f"out of {change['code']}")
            case "disable":
                words.append("account disabled")
            case "reenable":
                words.append("account enabled again")
    return ", ".join(words)


def _name(student: Student) -> str:
    return f"{student.preferred_name or student.forename} {student.surname}"


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["at"])


def _now() -> datetime:
    return datetime.now(UTC)
