"""
Made-up schools that live: who joins, leaves, vanishes and returns, whose e-mail is blanked or changed, who moves set.

Pure: a seed gives a story, the same each time. A story has rounds. In one round each pupil changes at most once, so
that what a round ends in does not depend on what was read when; the order between rounds is kept by whoever plays it.
No round asks for more than the guard lets through, but for those that mean to.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from services.sandbox.schools.school import make_joiner, make_school
from shared.contract.model import Kind

Json = dict[str, Any]
Where = Literal["here", "left", "gone", "applicant"]
KINDS = {  # how often each is drawn
    "correct": 6,
    "join": 4,
    "leave": 4,
    "vanish": 2,
    "come_back": 5,
    "blank": 4,
    "restore": 4,
    "email": 2,
    "clash": 2,
    "quit_set": 2,
    "move_set": 1,
    "admit": 1,
    "hide_many": 1,
    "leave_many": 1,
}
# What the guard lets through of one school without a person, in all: its default floors and shares.
MOST = {"leave": 5, "vanish": 2, "quit_set": 5, "move_set": 2, "join": 8, "leave_many": 1} | {
    "email": 1,
    "clash": 2,
    "restore": 2,
}
BLANKED = ("schoolEmailAddress", "surname", "title")
HIDES = ("hide", "hide_many")
YEARS = (7, 8)
SUBJECTS = (1, 2)


@dataclass(frozen=True)
class Act:
    """One change of the school. ``fields``: the vendor's, where a record changes; ``who``: of several at once."""

    kind: str
    pupil: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    who: tuple[str, ...] = ()
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # after it, of those that change
    record: Mapping[str, Any] = field(default_factory=dict)  # of a joiner
    of: Kind = "student"  # whose record it is

    def __str__(self) -> str:
        more = ["of the staff"] if self.of == "staff" else []
        more += [f"{name}={value!r}" for name, value in self.fields.items()]
        more += [f"set {name}: {len(members)}" for name, members in self.sets.items()]
        return f"{self.kind} {self.pupil or ', '.join(self.who)} {' '.join(more)}".strip()

    @property
    def touches(self) -> frozenset[str]:
        return frozenset((self.pupil, *self.who)) - {""}


@dataclass
class Truth:
    """
    One book of the school as it is. ``records`` by pupil, ``where`` each is, ``sets``: who is in each, on the roll or
    not; of the staff, who teaches it.
    """

    records: dict[str, Json]
    where: dict[str, Where]
    sets: dict[str, tuple[str, ...]]
    set_years: dict[str, int]
    set_subjects: dict[str, int]
    hidden: frozenset[str] = frozenset()  # the key may not see them now

    def here(self) -> list[str]:
        return [id for id, where in self.where.items() if where == "here"]

    def apply(self, act: Act) -> None:
        if act.record:
            self.records[act.pupil] = dict(act.record)
        for id in act.touches:
            self.records[id] = self.records[id] | dict(act.fields)
            if (where := _ENDS.get(act.kind)) is not None:
                self.where[id] = where
        self.sets |= act.sets
        if act.kind in HIDES:
            self.hidden = frozenset(act.who)


_ENDS: dict[str, Where] = {
    "join": "here",
    "join_wanting": "here",
    "admit": "here",
    "come_back": "here",
    "leave": "left",
    "leave_many": "left",
    "vanish": "gone",
}


def school_of(seed: int) -> Json:
    """A small school of two years and four sets, as a file of the iSAMS twin."""
    slug, size = slug_of(seed), 12 + random.Random(seed).randrange(11)
    school: Json = msgspec.to_builtins(make_school(slug, size, seed), str_keys=True)
    for number, record in enumerate(school["students"]):
        record["yearGroup"] = YEARS[number % 2]
        record["mobileNumber"] = record["personalEmailAddress"] = None
    kept = [one for one in school["sets"] if one["subjectId"] in SUBJECTS and one["year"] in YEARS]
    first = {(one["subjectId"], one["year"]): one for one in reversed(kept)}
    school["sets"] = list(first.values())
    school["setLists"] = {
        str(one["id"]): [
            record["schoolId"]
            for number, record in enumerate(school["students"])
            if record["yearGroup"] == one["year"] and (one["subjectId"] == SUBJECTS[0] or number % 3)
        ]
        for one in school["sets"]
    }
    for applicant in school["applicants"]:
        applicant["enrolmentSchoolYearGroup"] = YEARS[0]
    return school


def slug_of(seed: int) -> str:
    return f"s{seed}"


def truth_of(school: Json) -> Truth:
    people = {record["schoolId"]: dict(record) for record in school["students"]}
    where: dict[str, Where] = dict.fromkeys(people, "here")
    for record in school["applicants"]:
        people[record["schoolId"]] = dict(record)
        where[record["schoolId"]] = "applicant"
    return Truth(
        people,
        where,
        {name: tuple(members) for name, members in school["setLists"].items()},
        {str(one["id"]): one["year"] for one in school["sets"]},
        {str(one["id"]): one["subjectId"] for one in school["sets"]},
    )


def rounds_of(seed: int, truth: Truth, count: int = 3) -> list[list[Act]]:
    """``truth`` is left as it is after the last round."""
    return Author(seed, truth).rounds(count)


class Author:
    """
    Of the students' story; ``tests/soak/staff.py`` has that of the staff. ``kinds``: how often each act is drawn, and
    ``most`` how many of it there may be; ``blanked``: what an account cannot do without.
    """

    kinds: Mapping[str, int] = KINDS
    most: Mapping[str, int] = MOST
    blanked: tuple[str, ...] = BLANKED
    lone = frozenset({"leave", "vanish", "come_back", "quit_set", "move_set", "admit", "join"})  # not with leave_many
    per_round = (2, 5)  # acts, at least and at most

    def __init__(self, seed: int, truth: Truth) -> None:
        self.seed = seed
        self.truth = truth
        self.random = random.Random(f"story {seed}")
        self.drawn: dict[str, int] = {}
        self.joined = 0
        self.firm: set[str] = set()  # whose e-mail somebody wants: it stays as it is
        self.touched: set[str] = set()

    def rounds(self, count: int) -> list[list[Act]]:
        found = []
        for number in range(count):
            self.touched = set()
            acts: list[Act] = []
            self.truth.hidden = frozenset()
            self.begin(number)
            for _ in range(self.random.randint(*self.per_round)):
                act = self.draw({one.kind for one in acts})
                if act is not None:
                    self.apply(act)
                    self.touched |= act.touches
                    acts.append(act)
            found.append(acts)
        self.truth.hidden = frozenset()
        return found

    def begin(self, number: int) -> None:
        """A round begins."""

    def apply(self, act: Act) -> None:
        self.truth.apply(act)

    def draw(self, before: set[str]) -> Act | None:
        (kind,) = self.random.choices(list(self.kinds), list(self.kinds.values()))
        if self.drawn.get(kind, 0) >= self.most.get(kind, 99):
            return None
        if (kind == "leave_many" and before & self.lone) or ("leave_many" in before and kind in self.lone):
            return None  # the plan is held whole: whoever else is in it would wait as well
        act: Act | None = getattr(self, kind)()
        if act is not None:
            self.drawn[kind] = self.drawn.get(kind, 0) + 1
        return act

    def one(self, where: Where = "here", *, is_whole: bool | None = None) -> str | None:
        """Somebody whom nothing has happened to in this round."""
        found = [id for id, place in self.truth.where.items() if place == where and id not in self.touched]
        if is_whole is not None:
            found = [id for id in found if all(self.truth.records[id][name] for name in self.blanked) is is_whole]
        found = [id for id in found if id not in self.truth.hidden]
        return self.random.choice(found) if found else None

    # --- the kinds of acts -----------------------------------------------------------------------------------------

    def correct(self) -> Act | None:
        id = self.one()
        number = self.random.randrange(1000)
        what = self.random.choice(
            [{"surname": f"Ash{number}"}, {"preferredName": f"Bea{number}"}, {"mobileNumber": f"+4477009{number:05d}"}]
        )
        if id is None or not self.truth.records[id]["surname"]:
            return None
        return Act("correct", id, what)

    def join(self) -> Act:
        self.joined += 1
        year = self.random.choice(YEARS)
        record = msgspec.to_builtins(make_joiner(slug_of(self.seed), self.joined, year))
        record["personalEmailAddress"] = record["mobileNumber"] = None
        if self.random.random() < 0.2:
            record["schoolEmailAddress"] = None  # not yet: no account until it is there
        return Act("join", record["schoolId"], record=record)

    def admit(self) -> Act | None:
        id = self.one("applicant")
        if id is None:
            return None
        return Act("admit", id, {"schoolEmailAddress": f"admitted.{id}@{slug_of(self.seed)}.example", "yearGroup": 7})

    def leave(self) -> Act | None:
        id = self.one()
        return None if id is None else Act("leave", id)

    def vanish(self) -> Act | None:
        id = self.one()
        return None if id is None else Act("vanish", id)

    def come_back(self) -> Act | None:
        id = self.one(self.random.choice(["left", "gone"]))
        return None if id is None else Act("come_back", id)

    def blank(self) -> Act | None:
        id = self.one(is_whole=True)
        return None if id is None or id in self.firm else Act("blank", id, {self.random.choice(self.blanked): None})

    def restore(self) -> Act | None:
        id = self.one(is_whole=False)
        if id is None:
            return None
        sound = {"schoolEmailAddress": f"again.{id}@{slug_of(self.seed)}.example", "surname": "Again", "title": "Mx"}
        record = self.truth.records[id]
        return Act("restore", id, {name: value for name, value in sound.items() if not record[name]})

    def email(self) -> Act | None:
        id = self.one(is_whole=True)
        if id is None or id in self.firm:
            return None
        return Act(
            "email", id, {"schoolEmailAddress": f"new{self.random.randrange(1000)}.{id}@{slug_of(self.seed)}.example"}
        )

    def clash(self) -> Act | None:
        """One pupil is given another's e-mail, in other letters."""
        taker, other = self.one(is_whole=True), self.one(is_whole=True)
        if taker is None or other is None or taker == other or {taker, other} & self.firm:
            return None
        self.firm |= {taker, other}
        return Act("clash", taker, {"schoolEmailAddress": self.truth.records[other]["schoolEmailAddress"].upper()})

    def quit_set(self) -> Act | None:
        id = self.one(is_whole=True)
        mine = [name for name, members in self.truth.sets.items() if id in members]
        if id is None or not mine:
            return None
        name = self.random.choice(mine)
        return Act("quit_set", id, sets={name: tuple(one for one in self.truth.sets[name] if one != id)})

    def move_set(self) -> Act | None:
        id = self.one(is_whole=True)
        if id is None:
            return None
        year = self.truth.records[id]["yearGroup"]
        names = [name for name, of in self.truth.set_years.items() if of == year]
        mine = [name for name in names if id in self.truth.sets[name]]
        others = [name for name in names if id not in self.truth.sets[name]]
        if not mine or not others:
            return None
        old, new = self.random.choice(mine), self.random.choice(others)
        without = tuple(one for one in self.truth.sets[old] if one != id)
        return Act("move_set", id, sets={old: without, new: (*self.truth.sets[new], id)})

    def _many(self, least: int = 6) -> tuple[str, ...]:
        """More than may go unseen, by any budget."""
        free = [id for id in self.truth.here() if id not in self.touched and id not in self.firm]
        wanted = max(least, len(self.truth.here()) * 2 // 5)
        return tuple(self.random.sample(free, wanted)) if len(free) >= wanted + 2 else ()

    def hide_many(self) -> Act | None:
        """The key may not see them for a while; they are there all the same."""
        who = self._many()
        return Act("hide_many", "", who=who) if who else None

    def leave_many(self) -> Act | None:
        """The school says that they have left, and a person says that it is right."""
        who = self._many()
        return Act("leave_many", "", who=who) if who else None
