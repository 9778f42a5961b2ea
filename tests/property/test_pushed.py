"""
Bodies drawn at random: ids and addresses that change, are exchanged, dropped, doubled or given on, new domains, lists
that are cut; a gateway that dies before it has accepted, or has lost its memory. Nobody whose id is in a body may be
said to be absent, and nobody may become another.
"""

import asyncio
import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec import structs

from services.gateway import check as check_module
from shared.contract.events import AccountDisabled, RollRead, StudentFetched
from shared.contract.model import Student
from shared.contract.tenant_state import email_key
from tests.unit.gateway.test_pipeline import Pushed
from tests.unit.gateway.world import SLUG, a_body, a_pupil, event

FIRST = ("Ada", "Bea", "Cleo", "Dora")
LAST = ("Fern", "Rye", "Moss")
SLIPS = ("id", "email", "ids", "emails", "same id", "same email", "twice", "number", "short", "names", "order")

Entry = dict[str, Any]


class PushedMachine(RuleBasedStateMachine):
    """``people`` is how the school's list stands; a slip is in one body alone."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(check_module, "FAULTY_SHARE", (1, 1))  # every body may be as bad as it can be
        self.folder = TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.numbers = 0
        self.people: list[Entry] = []
        self.said: dict[str, Student] = {}  # the newest sound record, by key
        self.kept: dict[str, Student] = {}  # and the newest that was accepted, as far as the gateway remembers
        self.has_forgotten = False  # and no body was accepted since
        self.bodies: list[list[Entry]] = []  # those that were published, whole or not
        self.here: set[str] = set()
        self.seen = 0
        self.accepts = True

    def teardown(self) -> None:
        self.patch.undo()
        self.runner.close()
        self.folder.cleanup()

    @initialize(key=st.sampled_from(["email", "id"]), count=st.integers(3, 9), seed=st.integers(0, 99))
    def begins(self, key: str, count: int, seed: int) -> None:
        self.pushed = Pushed(Path(self.folder.name), key=key)
        random = Random(seed)
        self.people = [self.somebody(random) for _ in range(count)]
        self.arrives(self.people)

    def somebody(self, random: Random) -> Entry:
        self.numbers += 1
        has_id = random.random() < 0.85
        names = {"firstName": random.choice(FIRST), "lastName": random.choice(LAST)}
        return a_pupil(self.numbers, **names, id=str(1000 + self.numbers) if has_id else ...)

    # --- what happens at the school --------------------------------------------------------------------------------

    @rule(seed=st.integers(0, 999))
    def some_come_and_go(self, seed: int) -> None:
        random = Random(seed)
        gone = [one for one in self.people if random.random() < 0.2]
        self.people = [one for one in self.people if one not in gone]
        for left in [*gone, None]:
            joiner = self.somebody(random)
            if left is not None and random.random() < 0.5:
                joiner["email"] = left["email"]  # the address is given on
            if random.random() < 0.5:
                self.people.append(joiner)
        self.arrives(self.people)

    @rule(seed=st.integers(0, 999), share=st.sampled_from([0.2, 0.5, 1.0]))
    def some_have_new_addresses(self, seed: int, share: float) -> None:
        random = Random(seed)
        domain = f"@d{seed}.example"
        self.people = [
            one | {"email": one["email"].partition("@")[0] + domain} if random.random() < share else one
            for one in self.people
        ]
        self.arrives(self.people)

    @rule(seed=st.integers(0, 999))
    def somebody_marries(self, seed: int) -> None:
        if self.people:
            random = Random(seed)
            place = random.randrange(len(self.people))
            new = {"lastName": "Married", "email": f"married{seed}@x.example"}
            self.people[place] = self.people[place] | new
            self.arrives(self.people)

    # --- what happens to a body ------------------------------------------------------------------------------------

    @rule(seed=st.integers(0, 9999), slips=st.lists(st.sampled_from(SLIPS), min_size=1, max_size=4))
    def slips(self, seed: int, slips: list[str]) -> None:
        random, body = Random(seed), [dict(one) for one in self.people]
        for slip in slips:
            if len(body) > 1:
                self.slip(random, slip, body)
        self.arrives(body)

    def slip(self, random: Random, slip: str, body: list[Entry]) -> None:
        one, other = random.sample(range(len(body)), 2)
        match slip:
            case "id" | "email":
                body[one][slip] = random.choice(["", None, f"other{random.randrange(50)}@x.example"])
            case "ids" | "emails":
                name = slip.removesuffix("s")
                body[one][name], body[other][name] = body[other].get(name), body[one].get(name)
            case "same id" | "same email":
                name = slip.removeprefix("same ")
                body[one][name] = body[other].get(name)
            case "twice":
                body.append(dict(body[one]) | random.choice([{}, {"email": "again@x.example"}, {"id": "AGAIN"}]))
            case "number":
                body[one]["id"] = int(own) if (own := str(body[one].get("id"))).isdigit() else own
            case "short":
                del body[random.randrange(len(body)) :]
            case "names":
                body[one] |= {"firstName": "Zoe", "lastName": "Other"}
            case _:
                random.shuffle(body)

    @rule(seed=st.integers(0, 9999))
    def a_body_is_published_and_not_accepted(self, seed: int) -> None:
        random, body = Random(seed), [dict(one) for one in self.people]
        if len(body) > 1:
            self.slip(random, random.choice(SLIPS), body)
        self.accepts = False
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.pushed.gateway.memory, "accept", lambda *_: False)
            self.arrives(body)
        self.accepts = True

    @rule()
    def the_gateway_loses_its_memory(self) -> None:
        self.pushed.gateway.memory.lasts.clear()
        self.kept, self.has_forgotten = {}, True

    @rule(key=st.sampled_from(["email", "id"]))
    def the_key_is_switched(self, key: str) -> None:
        self.pushed.restarts(Path(self.folder.name), key=key)

    # --- what must hold --------------------------------------------------------------------------------------------

    def arrives(self, body: list[Entry]) -> None:
        content = json.dumps(a_body([dict(one) for one in body])).encode()
        answer = self.runner.run(self.pushed.gateway.post(None, content))
        messages = self.pushed.gateway.log.messages
        assert answer.status_code == (202 if self.accepts else 503), answer.text
        self.bodies.append(body)
        told = [event(one) for one in messages]
        records = [one.student for one in told if isinstance(one, StudentFetched)]
        rolls = [one for one in told if isinstance(one, RollRead)]
        self.nobody_here_is_absent(body, records)
        self.everybody_is_said_once(records, rolls)
        self.nobody_becomes_another(body, records)
        self.learns([one for one in records if is_sound(one)])
        if not rolls or self.has_forgotten:
            assert not [one for one in records if one.lists == ("absent",)]
        if self.accepts:
            self.has_forgotten = False
            here = {one.student_id for one in records if one.lists != ("absent",)}
            self.here = here if rolls else self.here | here
        self.pushed.arrive()
        self.nobody_here_is_switched_off()

    def learns(self, sound: list[Student]) -> None:
        """An address that one person has now is no other's."""
        addresses = {email_key(one.email or "") for one in sound}
        for people in (self.said, self.kept) if self.accepts else (self.said,):
            for key, was in people.items():
                if email_key(was.email or "") in addresses:
                    people[key] = structs.replace(was, email=None)
            people |= {one.student_id: one for one in sound}

    def sure(self) -> dict[str, Student]:
        """What the gateway must know: the newest word of each is one that was accepted and is remembered."""
        return {key: one for key, one in self.said.items() if self.kept.get(key) == one}

    def nobody_here_is_absent(self, body: list[Entry], records: list[Student]) -> None:
        ids = {id_of(one) for one in body} - {None}
        alone = {email_of(one) for one in body if id_of(one) is None} - {None}
        for absent in (one for one in records if one.lists == ("absent",)):
            said = self.said.get(absent.student_id)
            assert said is None or own_id(said) not in ids
            kept = self.sure().get(absent.student_id)
            assert kept is None or email_key(kept.email or "") not in alone

    def everybody_is_said_once(self, records: list[Student], rolls: list[RollRead]) -> None:
        keys = [one.student_id for one in records]
        assert len(keys) == len(set(keys))
        if rolls:
            here = [one.student_id for one in records if one.lists != ("absent",)]
            assert sorted(here) == sorted(id for roll in rolls for id in roll.ids)

    def nobody_becomes_another(self, body: list[Entry], records: list[Student]) -> None:
        """A key is one person's for life: their id's, or the same names where the id has changed."""
        sound = [one for one in records if is_sound(one)]
        ids = [own_id(one) for one in sound if own_id(one) is not None]
        assert len(ids) == len(set(ids))
        in_body = {id_of(one) for one in body}
        for now in sound:
            was = self.said.get(now.student_id)
            if was is None or own_id(was) is None or own_id(now) in (None, own_id(was)):
                continue
            assert own_id(was) not in in_body
            assert (was.first_name, was.last_name) == (now.first_name, now.last_name)
        keys = {own_id(one): key for key, one in self.sure().items() if own_id(one) is not None}
        for now in sound:
            known = keys.get(own_id(now))
            assert known in (None, now.student_id), "one id, two people"
        self.nobody_takes_anothers_address(sound)
        sure = self.sure()
        for now in sound:
            was = sure.get(now.student_id)
            if was is not None and own_id(was) == own_id(now) and was.email is not None and was.email != now.email:
                is_back = email_key(now.email or "") == now.student_id
                assert is_back or was.first_name == now.first_name or was.last_name == now.last_name

    def nobody_takes_anothers_address(self, sound: list[Student]) -> None:
        """Where an address tells who somebody is, one who is known gets another's only once that one has a new one."""
        if self.pushed.gateway.settings.key == "id":
            return
        sure = self.sure()
        holders = {email_key(one.email): key for key, one in sure.items() if one.email and key in self.here}
        for now in sound:
            if now.student_id in sure and own_id(sure[now.student_id]) == own_id(now) is not None:
                assert holders.get(email_key(now.email or "")) in (None, now.student_id)

    def nobody_here_is_switched_off(self) -> None:
        changes = self.pushed.road.changes()
        ids = {id_of(one) for one in self.bodies[-1]} - {None}
        for off in (one for one in changes[self.seen :] if isinstance(one, AccountDisabled)):
            account = self.pushed.road.account(off.student_id, SLUG)
            assert account is not None
            assert account.details is not None
            assert account.details.id not in ids
        self.seen = len(changes)


def is_sound(student: Student) -> bool:
    return not student.faults and student.lists != ("absent",)


def own_id(student: Student) -> str | None:
    """Whose id is the key says it nowhere else."""
    if student.feed_id is None and "@" not in student.student_id:
        return student.student_id
    return student.feed_id


def id_of(entry: Entry) -> str | None:
    return str(entry.get("id") or "").strip() or None


def email_of(entry: Entry) -> str | None:
    return email_key(entry.get("email") or "") or None


TestPushed = PushedMachine.TestCase
TestPushed.settings = settings(
    max_examples=100,
    stateful_step_count=15,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # shrinking takes minutes: add Phase.shrink when it fails
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
