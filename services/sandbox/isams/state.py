"""
One school inside the iSAMS twin: its records as the bytes they are served as, the vendor's guesses as settings, and
what can be done to it.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from services.sandbox.faults import Faults
from services.sandbox.isams.data_faults import KINDS, Row
from services.sandbox.isams.field_names import respell, spelt_set
from services.sandbox.isams.records import Student
from services.sandbox.schools.school import alumnus_of

Json = dict[str, Any]
PUPILS = ("students", "former", "applicants", "alumni")
PEOPLE = (*PUPILS, "employees")
AREAS = ("students", "admissions", "alumni", "teaching", "school", "humanresources", "gradebooks")
DATES = frozenset(
    (
        "dob",
        "dateOfBirth",
        "enrolmentDate",
        "leavingDate",
        "enquiryDate",
        "registeredDate",
        "visitDate",
        "withdrawnDate",
        "startDate",
        "finishDate",
    )
)
REQUESTS_KEPT = 100_000


SubjectSpelling = Literal["subjectId", "subject_number", "subject_object", "code", "code_as_subject", "name", "none"]
TeacherSpelling = Literal["teacherId", "teacherIds", "staffId", "employee", "teacher_email", "none"]


class Settings(Struct, kw_only=True, forbid_unknown_fields=True):
    """
    What is a school's own, and what nobody outside knows of the vendor: each a lever, not a constant.

    Words and dates take effect on what is loaded or changed from then on.
    """

    client_id: str = "rollcall"
    client_secret: str = "made-up"  # noqa: S105
    permissions: list[str] = field(default_factory=lambda: list(AREAS))  # areas that the key may read
    scopes: list[str] | None = None  # scopes that the token endpoint takes; None: any, also none
    token_seconds: int = 3600
    denied_status: int = 403  # 200: with a message all the same
    requires_user_agent: bool = True
    default_page_size: int = 100
    max_page_size: int = 1000
    over_page_size: Literal["cap", "refuse"] = "cap"
    past_the_end: Literal["empty", "not_found"] = "empty"
    total_pages: bool = True  # False: the envelope has none
    total_count: bool = True  # False: the envelope does not say how many there are
    leaver_by_id: bool = True  # /api/students/{id} still answers for who left
    applicant_by_id: bool = False  # and for who has not come yet
    applicant_lists: list[Literal["students", "applicants"]] = field(default_factory=lambda: ["students", "applicants"])
    absent_applicants_status: Literal[400, 404, 500] = 404  # of a list of applicants that the server does not have
    behind_an_edge: bool = False  # something before the server answers 403 itself, in HTML
    set_subject: SubjectSpelling = "subjectId"  # how a set names its subject; none: not at all
    set_teacher: TeacherSpelling = "teacherId"  # and its teacher
    numbers: Literal["number", "text", "float"] = "number"  # how year groups and numbers of sets are written
    booleans: Literal["boolean", "number", "text"] = "boolean"
    texts: Literal["plain", "marked", "decomposed"] = "plain"  # marked: with what nobody sees before and behind
    byte_order_mark: bool = False  # before the JSON, as some servers' runtimes write it
    totals: Literal["number", "text"] = "number"
    empty_lists: Literal["null", "empty", "blank"] = "null"  # nationalities, languages: null, [] or [""]
    alumni_identified: bool = False  # leavers have their birth date and pupil number
    student_home: bool = False  # a contact says whether theirs is the student's home
    students_include: list[Literal["former", "applicants"]] = field(default_factory=list)  # beside the current ones
    system_status_words: dict[int, str] = field(default_factory=lambda: {1: "Current", 0: "Applicant", -1: "Former"})
    leaving_year_names: Literal["start", "end"] = "start"  # of the academic year, for who leaves here
    dates: Literal["datetime", "date", "zoned", "eve"] = "datetime"  # how dates of birth and the like are written
    requests_per_hour: int | None = None  # beyond: 429 and Retry-After
    latency_seconds: float = 0.0
    gradebooks_path: str | None = None  # such as /api/gradebooks/{schoolId}; the vendor's is not known


class Seen(Struct, kw_only=True):
    """One request that came."""

    number: int
    at: datetime
    method: str
    path: str
    query: str
    user_agent: str
    status: int = 0  # not answered yet
    milliseconds: float = 0.0


class Unknown(LookupError):
    """No such person, set or list."""


class SchoolState:
    """
    Takes what it is given: a record may lack fields or hold what the vendor's never would.

    People are in ``students`` (the roll), ``applicants`` and ``alumni``; ``former`` holds the student records of those
    who left; ``employees`` are by themselves. Everything else is a list of the school's file, as it stands there.
    """

    def __init__(self, school: Json, settings: Settings) -> None:
        self.settings = settings
        self.faults = Faults(KINDS)
        self.requests: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        self.counted = 0
        self.in_flight = 0
        self.in_flight_peak = 0
        self.tokens: dict[str, float] = {}
        self.hour: deque[float] = deque()
        self.rest: Json = {}  # the lists of the file that are not people
        self.people: dict[str, dict[str, bytes]] = {name: {} for name in PEOPLE}
        self.vanished: dict[str, bytes] = {}
        self.load(school)

    # What is there

    def load(self, school: Mapping[str, Any]) -> None:
        """Replace every list that is given."""
        for name, value in school.items():
            if name in self.people:
                self.people[name] = {_id(record, name): self.wire(record) for record in value}
            else:
                self.rest[name] = value

    def dump(self) -> Json:
        return {
            **self.rest,
            **{name: [msgspec.json.decode(body) for body in records.values()] for name, records in self.people.items()},
        }

    def wire(self, record: Mapping[str, Any]) -> bytes:
        """The record as it goes over the wire, by the school's words and way of writing dates."""
        words = self.settings.system_status_words
        served = dict(record)
        if served.get("systemStatus") in _WORDS:
            served["systemStatus"] = words.get(_WORDS[served["systemStatus"]], served["systemStatus"])
        respell(served, self.settings)
        if self.settings.dates != "datetime":
            for name in DATES & served.keys():
                served[name] = _date(served[name], self.settings.dates)
        return msgspec.json.encode(served)

    def rows(self, name: str) -> list[Row]:
        """A list of the school, ready to be served."""
        if name in self.people:
            return [Row(id, body) for id, body in self.people[name].items()]
        records = [self.spelt(name, record) for record in self.rest.get(name, [])]
        return [Row(str(record.get("id", record.get("ncYear"))), self.wire(record)) for record in records]

    def spelt(self, name: str, record: Json) -> Json:
        """A record of structure in the school's spelling."""
        if name != "sets":
            return record
        subject: Json = next(
            (one for one in self.rest.get("subjects", []) if one.get("id") == record.get("subjectId")), {}
        )
        return spelt_set(record, subject, self._address_of(record.get("teacherId")), self.settings)

    def _address_of(self, employee: object) -> str | None:
        body = self.people["employees"].get(str(employee))
        return None if body is None else msgspec.json.decode(body).get("schoolEmailAddress")

    def roll(self) -> list[Row]:
        """What ``/api/students`` lists."""
        rows = self.rows("students")
        if "former" in self.settings.students_include:
            rows += self.rows("former")
        if "applicants" in self.settings.students_include:
            rows += [Row(id, self.as_student(body)) for id, body in self.people["applicants"].items()]
        return rows

    def student(self, school_id: str) -> bytes | None:
        """What ``/api/students/{schoolId}`` answers."""
        if school_id in self.people["students"]:
            return self.people["students"][school_id]
        if self.settings.leaver_by_id and school_id in self.people["former"]:
            return self.people["former"][school_id]
        if self.settings.applicant_by_id and school_id in self.people["applicants"]:
            return self.as_student(self.people["applicants"][school_id])
        return None

    def as_student(self, applicant: bytes) -> bytes:
        """An applicant in the shape of a student record."""
        record = msgspec.json.decode(applicant)
        student = {name: record.get(name) for name in Student.__struct_encode_fields__}
        student |= {
            "id": record.get("personId", 0),
            "middlenames": record.get("middleNames"),
            "dob": record.get("dateOfBirth"),
            "yearGroup": record.get("enrolmentSchoolYearGroup"),
            "enrolmentYear": record.get("enrolmentSchoolYear"),
        }
        return self.wire(student)

    # What happens to people

    def put(self, name: str, record: Json) -> None:
        """Add a person to a list, or replace their record there."""
        self.people[name][_id(record, name)] = self.wire({"lastUpdated": _now(), **record})

    def change(self, school_id: str, changes: Mapping[str, Any], name: str | None = None) -> Json:
        """
        Change fields of whoever is there by this id: on the roll, else as one who left, else as an applicant, else
        among the alumni. An employee is found in their own list alone.
        """
        for place in (name,) if name else PUPILS:
            body = self.people[place].get(school_id)
            if body is not None:
                record: Json = msgspec.json.decode(body) | {"lastUpdated": _now()} | dict(changes)
                self.people[place][school_id] = self.wire(record)
                return record
        raise Unknown(f"Nobody here has the id {school_id}.")

    def remove(self, school_id: str, name: str | None = None) -> None:
        """Gone from every list (or the one named), and 404 by id."""
        gone = [self.people[place].pop(school_id, None) for place in ((name,) if name else PUPILS)]
        found = next((body for body in gone if body is not None), None)
        if found is None:
            raise Unknown(f"Nobody here has the id {school_id}.")
        if gone[0] is not None and name in (None, "students"):
            self.vanished[school_id] = gone[0]

    def leave(self, school_id: str, leaving_date: str | None, changes: Mapping[str, Any]) -> Json:
        """From the roll to the alumni."""
        body = self.people["students"].get(school_id)
        if body is None:
            raise Unknown(f"No student on the roll has the id {school_id}.")
        day = leaving_date or datetime.now(UTC).date().isoformat()
        record: Json = msgspec.json.decode(body)
        record |= {
            "systemStatus": "Former",
            "leavingDate": f"{day[:10]}T00:00:00",
            "leavingYearGroup": record.get("yearGroup"),
        }
        record |= {"lastUpdated": _now(), **changes}
        identified = {name: record.get(name) for name in ("dob", "uniquePupilNumber")}
        started = int(day[:4]) - (day[5:7] < "09")
        alumnus = alumnus_of(
            msgspec.convert(_lenient(record), Student), started + (self.settings.leaving_year_names == "end")
        )
        del self.people["students"][school_id]
        self.people["former"][school_id] = self.wire(record)
        told = identified if self.settings.alumni_identified else {}
        self.people["alumni"][school_id] = self.wire(msgspec.to_builtins(alumnus) | told)
        return record

    def come_back(self, school_id: str, keep_alumnus: bool, changes: Mapping[str, Any]) -> Json:
        """Who left or vanished is on the roll again; as a re-admission, the leaver's record stays beside it."""
        body = self.people["former"].get(school_id) or self.vanished.get(school_id)
        if body is None:
            raise Unknown(f"Nobody with the id {school_id} has left or vanished.")
        record: Json = msgspec.json.decode(body)
        record |= {"systemStatus": "Current", "leavingDate": None, "leavingYearGroup": None, "leavingReason": None}
        record |= {"lastUpdated": _now(), **changes}
        self.vanished.pop(school_id, None)
        if not keep_alumnus:
            self.people["former"].pop(school_id, None)
            self.people["alumni"].pop(school_id, None)
        self.people["students"][school_id] = self.wire(record)
        return record

    def enrol(self, school_id: str, changes: Mapping[str, Any]) -> Json:
        """From the applicants to the roll."""
        body = self.people["applicants"].get(school_id)
        if body is None:
            raise Unknown(f"No applicant has the id {school_id}.")
        record: Json = msgspec.json.decode(self.as_student(body))
        record |= {"systemStatus": "Current", "lastUpdated": _now(), **changes}
        del self.people["applicants"][school_id]
        self.people["students"][school_id] = self.wire(record)
        return record

    def set_list(self, set_id: int) -> list[Row]:
        """The pupils of a set who are on the roll."""
        if not any(entry.get("id") == set_id for entry in self.rest.get("sets", [])):
            raise Unknown(f"There is no set {set_id}.")
        on_roll = self.people["students"]
        members = self.rest.get("setLists", {}).get(str(set_id), [])
        return [Row(id, on_roll[id]) for id in members if id in on_roll]

    def replace_set_list(self, set_id: int, members: Iterable[str]) -> None:
        self.set_list(set_id)
        self.rest.setdefault("setLists", {})[str(set_id)] = list(members)

    # Who may ask

    def note(self, method: str, path: str, query: str, user_agent: str) -> Seen:
        """A request has come; its status is 0 until it is answered."""
        self.counted += 1
        seen = Seen(
            number=self.counted, at=datetime.now(UTC), method=method, path=path, query=query, user_agent=user_agent
        )
        self.requests.append(seen)
        return seen

    def issue(self) -> str:
        token = secrets.token_urlsafe(24)
        now = time.monotonic()
        self.tokens = {known: until for known, until in self.tokens.items() if until > now}
        self.tokens[token] = now + self.settings.token_seconds
        return token

    def knows(self, token: str) -> bool:
        return self.tokens.get(token, 0.0) > time.monotonic()

    def throttled(self) -> int | None:
        """Seconds to wait, when this hour's requests are used up."""
        limit = self.settings.requests_per_hour
        now = time.monotonic()
        while self.hour and self.hour[0] <= now - 3600:
            self.hour.popleft()
        if limit is not None and len(self.hour) >= limit:
            return int(self.hour[0] + 3600 - now) + 1 if self.hour else 3600
        self.hour.append(now)
        return None


_WORDS = {"Current": 1, "Applicant": 0, "Former": -1}


def _id(record: object, name: str) -> str:
    """An employee has a number for a key."""
    field, kind = ("id", int) if name == "employees" else ("schoolId", str)
    id = record.get(field) if isinstance(record, dict) else None
    if not isinstance(id, kind):
        what = "a number" if kind is int else "a string"
        raise msgspec.ValidationError(f"A record of {name} is an object with {field}, which is {what}.")
    return str(id)


def _date(value: object, style: str) -> object:
    if not isinstance(value, str) or len(value) < 10:
        return value
    if style == "eve":  # local midnights of the summer, kept as UTC
        return f"{date.fromisoformat(value[:10]) - timedelta(days=1)}T23:00:00Z"
    return value[:10] if style == "date" else f"{value[:10]}T00:00:00Z"


def _lenient(record: Json) -> Json:
    """The record with what no student could hold left out, so that anybody can leave."""
    kept = {name: value for name, value in record.items() if _fits(name, value)}
    return {"id": 0, "schoolId": "", "personId": 0, "personGuid": "", **kept}


def _fits(name: str, value: object) -> bool:
    try:
        msgspec.convert({"id": 0, "schoolId": "", "personId": 0, "personGuid": "", name: value}, Student)
    except msgspec.ValidationError:
        return False
    return True


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
