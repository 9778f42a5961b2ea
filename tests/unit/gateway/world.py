"""A gateway in memory: what was posted to it, what it answered and what it published."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from services.gateway.feed_store import MemoryMemory
from services.gateway.intake import Intake
from services.gateway.keys import ApiKeys
from services.gateway.publish_lease import Stopping
from services.gateway.recall import Recalled
from services.gateway.web import Web
from shared.config.settings import AnySchool, PushSchool
from shared.config.values import Reading
from shared.contract.codec import Message, decode
from shared.contract.events import StaffFetched, StructureFetched, StudentFetched
from shared.contract.model import Frozen, Structure, Student
from shared.memory import MemoryLog
from tests.harness.builders import START

SLUG = "northern-uni"
API_KEY = "made-up-push-key"
PARTITIONS = 12


def school(**changes: Any) -> PushSchool:
    given: dict[str, Any] = {"tenant": "northern-uni", "source": "push", "api_key": SecretStr(API_KEY)}
    return PushSchool.model_validate(given | changes, context=Reading(Path(), {}))


def a_pupil(number: int = 1, **fields: Any) -> dict[str, Any]:
    """One student of the body, sound unless a test says otherwise; a field that is ``...`` is left out."""
    sound: dict[str, Any] = {
        "id": f"S{number:06}",
        "firstName": "Ada",
        "lastName": "Fern",
        "year": 1,
        "email": f"ada.fern{number}@northern.example",
        "programmeCodes": ["PROG01"],
        "moduleCodes": ["MOD01"],
    }
    return {name: value for name, value in (sound | fields).items() if value is not ...}


def a_teacher(number: int = 1, **fields: Any) -> dict[str, Any]:
    """One member of staff of the body, sound unless a test says otherwise; a field that is ``...`` is left out."""
    sound: dict[str, Any] = {
        "id": f"T{number:06}",
        "firstName": "Jane",
        "lastName": "Smith",
        "universityTitle": "Professor",
        "email": staff_email(number),
        "facultyCodes": ["FAC01"],
        "departmentCodes": ["DEP01"],
        "programmeCodes": ["PROG01"],
        "moduleCodes": ["MOD01"],
    }
    return {name: value for name, value in (sound | fields).items() if value is not ...}


def staff_email(number: int) -> str:
    return f"jane.smith{number}@northern.example"


def teachers(count: int, *others: Any) -> list[Any]:
    """So many sound members of staff, numbered from 0, and others after them."""
    return [*(a_teacher(number) for number in range(count)), *others]


def email(number: int) -> str:
    return f"ada.fern{number}@northern.example"


def a_body(students: Any = None, **lists: Any) -> dict[str, Any]:
    """A body with a small structure and 20 students; a list that is ``...`` is left out."""
    sound: dict[str, Any] = {
        "faculties": [{"code": "FAC01", "name": "Faculty of Science"}],
        "departments": [{"code": "DEP01", "name": "Computing", "facultyCode": "FAC01"}],
        "programmes": [{"code": "PROG01", "name": "Computer Science", "departmentCode": "DEP01"}],
        "modules": [
            {
                "code": "MOD01",
                "name": "Programming",
                "programmeCode": "PROG01",
                "years": [{"year": 1, "isOptional": False}],
            }
        ],
        "students": [a_pupil(number) for number in range(20)] if students is None else students,
    }
    return {name: value for name, value in (sound | lists).items() if value is not ...}


def pupils(count: int, *others: Any) -> list[Any]:
    """So many sound students, numbered from 0, and others after them."""
    return [*(a_pupil(number) for number in range(count)), *others]


class World:
    def __init__(
        self,
        max_body_bytes: int = 1_000_000,
        lease_seconds: float = 30.0,
        memory: MemoryMemory | None = None,
        has_staff: bool = False,
        **settings: Any,
    ) -> None:
        self.memory = memory or MemoryMemory()
        self.log = MemoryLog()
        self.stopping = Stopping()
        self.now = START
        self.held: Structure | None = None  # the structure that Rollcall has of the school
        self.recalls: Callable[[], Recalled] = lambda: Recalled(self.held)  # and with who is who by its accounts
        self.settings = school(**settings)
        schools: dict[str, AnySchool] = {
            SLUG: self.settings,
            "southern-uni": school(api_key=SecretStr("another-key")),
            "eastern-uni": school(api_key=SecretStr("third-key")),
        }
        self.web = Web(
            ApiKeys(schools),
            self.memory,
            Intake(self.memory, self.log, self.clock, PARTITIONS, self.recall, {SLUG} if has_staff else ()),
            self.clock,
            max_body_bytes,
            self.stopping,
            lease_seconds,
        )
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.web.app()), base_url="http://gateway", headers={"API_KEY": API_KEY}
        )

    def recall(self, _: str) -> Recalled:
        return self.recalls()

    def clock(self) -> datetime:
        """A second later at each look."""
        self.now += timedelta(seconds=1)
        return self.now

    async def post(
        self, body: Any, content: bytes | AsyncIterator[bytes] | None = None, **headers: str
    ) -> httpx2.Response:
        sent = json.dumps(body).encode() if content is None else content
        told = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        return await self.client.post("/v1/sync", content=sent, headers=told)

    async def accepted(self, body: Any) -> dict[str, Any]:
        answer = await self.post(body)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def take(self) -> list[Message]:
        """What was published since the last time."""
        messages, self.log.messages = self.log.messages, []
        return messages


def event(message: Message) -> Frozen:
    return decode(header(message, "ce_type"), message.value or b"")


def header(message: Message, name: str) -> str | None:
    value = dict(message.headers).get(name)
    return None if value is None else value.decode()


def kinds(messages: Iterable[Message]) -> list[str]:
    return [type(event(message)).__name__ for message in messages]


def students(messages: Iterable[Message]) -> dict[str, Student]:
    found = [event(message) for message in messages]
    return {one.student.student_id: one.student for one in found if isinstance(one, StudentFetched)}


def staff(messages: Iterable[Message]) -> dict[str, Student]:
    found = [event(message) for message in messages]
    return {one.student.student_id: one.student for one in found if isinstance(one, StaffFetched)}


def structure(messages: Iterable[Message]) -> Structure | None:
    found = [event(message) for message in messages]
    return next((one.structure for one in found if isinstance(one, StructureFetched)), None)


def only(messages: Iterable[Message], kind: type[Frozen]) -> Any:
    (found,) = [one for one in map(event, messages) if isinstance(one, kind)]
    return found


def pointers(answer: httpx2.Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["faults"]]
