"""
The staff of made-up schools: who joins, leaves by date or by status, vanishes, is hidden and returns, who teaches what,
and whose e-mail is a student's too.

Pure, and drawn from the seed apart from the students' story, which is the same with staff and without. What the two
books have in common is e-mails. So that a round ends in the same whatever is read first, no e-mail that both a student
and a member of staff want has something happen to both of them in one round.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from services.sandbox.schools.words import DIVISIONS
from tests.soak.expected import YEARS, Act, Author, Json, Truth, rounds_of, slug_of, truth_of

KINDS = {
    "correct": 3,
    "join": 3,
    "join_wanting": 5,
    "leave": 4,
    "vanish": 3,
    "hide": 3,
    "come_back": 12,
    "blank": 4,
    "restore": 8,
    "email": 2,
    "clash": 2,
    "want": 3,
    "lend": 3,
    "settle": 12,
    "teach": 4,
    "hide_many": 3,
    "leave_many": 5,
}
# As for students: what the guard lets through without a person. Who is hidden for a while may count as gone.
MOST = {"leave": 5, "vanish": 1, "hide": 1, "teach": 2, "join": 4, "leave_many": 1} | {
    "email": 1,
    "clash": 1,
    "want": 1,
    "settle": 1,
    "restore": 1,
    "lend": 1,
    "join_wanting": 1,
}
BLANKED = ("schoolEmailAddress", "surname")
COUNT = 10
FIRST_ID = 3001  # no employee of the other school, whose list may be told for this one, has such an id
DIVISION, OF_DIVISION = next((code, years) for code, _, years in DIVISIONS if YEARS[0] in years)
ENDS = ("leave", "leave_many", "vanish")
PAST = "2020-07-10T00:00:00"
EMAIL_ACTS = 5  # acts on students' e-mails that their budget has room for, those of their own story included
LONGEST = 3  # rounds, as `make soak` plays them


def has_staff(seed: int) -> bool:
    """Whether this seed's school has its staff managed."""
    return random.Random(f"has staff {seed}").random() < 0.5


def employ(school: Json, seed: int) -> None:
    """Give a school of the iSAMS twin staff of its own, and a teacher to each of its sets."""
    school["employees"] = [a_member(school, seed, number) for number in range(COUNT)]
    dice = random.Random(f"teachers {seed}")
    for one in school["sets"]:
        one["teacherId"] = FIRST_ID + dice.randrange(COUNT // 2)


def a_member(school: Json, seed: int, number: int) -> Json:
    like: Json = school["employees"][number % len(school["employees"])]
    return like | {
        "id": FIRST_ID + number,
        "personGuid": f"staff-{seed}-{number}",
        "surname": f"Oak{number}",
        "dateOfBirth": f"{1960 + number}-03-01T00:00:00",
        "schoolEmailAddress": f"Staff{number}@{slug_of(seed)}.example",
        "schoolMobileNumber": f"+4477008{number:05d}" if number % 3 == 0 else None,
        "personalMobileNumber": None,
        "divisions": [DIVISION] if number % 4 else [],
    }


def staff_of(school: Json) -> Truth:
    people = {str(record["id"]): dict(record) for record in school["employees"]}
    return Truth(
        people,
        dict.fromkeys(people, "here"),
        {str(one["id"]): (str(one["teacherId"]),) for one in school["sets"]},
        {str(one["id"]): one["year"] for one in school["sets"]},
        {str(one["id"]): one["subjectId"] for one in school["sets"]},
    )


def staff_rounds_of(seed: int, school: Json, count: int = LONGEST) -> list[list[Act]]:
    """What staff add to each round of the students' story. Some of it is an act on a student's record."""
    story = rounds_of(
        seed, truth_of(school), max(count, LONGEST)
    )  # all of it, or fewer rounds would not be a beginning
    return _StaffAuthor(seed, staff_of(school), truth_of(school), story).rounds(count)


def email_of(record: Mapping[str, object]) -> str:
    return str(record["schoolEmailAddress"] or "").casefold()


class _StaffAuthor(Author):
    kinds, most, blanked = KINDS, MOST, BLANKED
    lone = frozenset({"leave", "vanish", "come_back", "join", "join_wanting", "teach"})
    per_round = (1, 4)

    def __init__(self, seed: int, truth: Truth, students: Truth, story: Sequence[Sequence[Act]]) -> None:
        super().__init__(seed, truth)
        self.random = random.Random(f"staff story {seed}")
        self.students, self.story = students, story
        self.number = 0
        self.busy: set[str] = set()  # students to whom something happens in this round
        self.heirs: dict[str, str] = {}  # who joined with a student's e-mail, and that student
        told = [act for acts in story for act in acts if "schoolEmailAddress" in act.fields]
        said = {str(act.fields["schoolEmailAddress"]).casefold() for act in told}
        self.steady = {  # whose e-mail nobody in the students' story changes or wants
            id
            for id, record in students.records.items()
            if id not in {act.pupil for act in told} and email_of(record) not in said | {""}
        }
        self.has_room = len(told) < EMAIL_ACTS
        self.ending = {id for acts in story for act in acts if act.kind in ENDS for id in act.touches}

    def begin(self, number: int) -> None:
        if number:
            for act in self.story[number - 1]:
                self.students.apply(act)
        self.number = number
        self.busy = {id for act in self.story[number] for id in act.touches}
        self.touched |= {id for id, student in self.heirs.items() if student in self.busy}

    def apply(self, act: Act) -> None:
        (self.students if act.of == "student" else self.truth).apply(act)

    def student(self, *where: str, among: Collection[str] = ()) -> str | None:
        """Whose e-mail stays as it is, and to whom nothing happens in this round. ``among``: rather one of these."""
        found = sorted(id for id in self.steady - self.busy - self.firm if self.students.where[id] in where)
        found = [id for id in found if id in among] or found
        return self.random.choice(found) if found else None

    def draw(self, before: set[str]) -> Act | None:
        act = super().draw(before)
        return act if act is None or act.kind == "lend" else replace(act, of="staff")

    # --- the kinds of acts -----------------------------------------------------------------------------------------

    def correct(self) -> Act | None:
        id, number = self.one(), self.random.randrange(1000)
        what = self.random.choice(
            [
                {"surname": f"Elm{number}"},
                {"preferredName": f"Kit{number}"},
                {"schoolMobileNumber": f"+44770{number:05d}"},
            ]
        )
        return None if id is None or not self.truth.records[id]["surname"] else Act("correct", id, what)

    def join(self) -> Act:
        self.joined += 1
        number = COUNT + self.joined
        record = a_member({"employees": list(self.truth.records.values())}, self.seed, number)
        record |= {"leavingDate": None, "systemStatus": "Current", "preferredName": None, "forename": f"Jo{number}"}
        if self.random.random() < 0.2:
            record["schoolEmailAddress"] = None  # not yet: no account until it is there
        if self.random.random() < 0.3:
            record["title"] = None  # the account does without
        numbers = sorted(set(self.students.here()) - self.truth.records.keys())
        if self.random.random() < 0.4:
            record["id"] = int(self.random.choice(numbers))  # an employee may have a student's number
        return Act("join", str(record["id"]), record=record)

    def join_wanting(self) -> Act | None:
        """Somebody new with a student's e-mail; where the student has left, it is theirs at once."""
        student = self.student("here", "left", "gone", among=self.ending if self.random.random() < 0.8 else ())
        if student is None:
            return None
        act = self.join()
        self.heirs[act.pupil] = student
        self.firm |= {act.pupil, student}
        return Act(
            "join_wanting",
            act.pupil,
            record=dict(act.record) | {"schoolEmailAddress": self.students.records[student]["schoolEmailAddress"]},
        )

    def settle(self) -> Act | None:
        """Who joined with a student's e-mail is given their own."""
        found = [id for id in self.heirs if self.truth.where[id] == "here" and id not in self.touched]
        if not found:
            return None
        return Act("settle", found[0], {"schoolEmailAddress": f"own.{found[0]}@{slug_of(self.seed)}.example"})

    def leave(self) -> Act | None:
        id = self.one()
        how = self.random.choice([{"leavingDate": PAST}, {"leavingDate": PAST}, {"systemStatus": "Former"}])
        return None if id is None else Act("leave", id, how)

    def come_back(self) -> Act | None:
        id = self.one(self.random.choice(["left", "gone"]))
        return None if id is None else Act("come_back", id, {"leavingDate": None, "systemStatus": "Current"})

    def hide(self) -> Act | None:
        """One is not in the list for a while, as if they were gone: they may lose their account, and get it back."""
        id = self.one()
        is_wanted = id in self.firm  # whoever wants the e-mail would get it meanwhile, or would not
        return None if id is None or is_wanted or self.truth.hidden else Act("hide", "", who=(id,))

    def hide_many(self) -> Act | None:
        who = self._many(3)
        return Act("hide_many", "", who=who) if who and not self.truth.hidden else None

    def leave_many(self) -> Act | None:
        who = self._many()
        return Act("leave_many", "", {"leavingDate": PAST}, who=who) if who else None

    def want(self) -> Act | None:
        """Somebody who has an account is given a student's e-mail."""
        id, student = self.one(is_whole=True), self.student("here")
        if id is None or student is None or id in self.firm:
            return None
        self.firm |= {id, student}
        return Act("want", id, {"schoolEmailAddress": self.students.records[student]["schoolEmailAddress"].upper()})

    def lend(self) -> Act | None:
        """A student who has an account is given the e-mail of somebody on the staff."""
        id, student = self.one(is_whole=True), self.student("here")
        if id is None or student is None or id in self.firm or not self.has_room:
            return None
        if not self.students.records[student]["surname"] or not self.students.records[student]["title"]:
            return None
        self.firm |= {id, student}
        self.busy.add(student)
        fields = {"schoolEmailAddress": self.truth.records[id]["schoolEmailAddress"].upper()}
        return Act("lend", student, fields)

    def teach(self) -> Act | None:
        """Somebody takes over a set from somebody else."""
        name, id = self.random.choice(sorted(self.truth.sets)), self.one(is_whole=True)
        before = self.truth.sets[name]
        if id is None or id in before or set(before) & self.touched:
            return None
        return Act("teach", "", who=(id, *before), sets={name: (id,)})
