"""
One body as the records of one complete sweep, published in order, each batch acknowledged before the next.

1. SweepStarted; the structure, where the body has any of it.
2. Each student of the roll; then whoever of the last roll is gone, as somebody who is absent.
3. The roll, and SweepCompleted with the certificate. With a student whom nobody can name: SweepFailed instead, and
   nobody is said to have left.

The staff are a sweep of their own after it, by the same course. A body without students opens no sweep of them: its
structure goes alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from services.gateway.check import People
from services.gateway.receipt import WITHOUT_KEY
from services.gateway.turnover import Turnover
from shared import completeness
from shared.clock import Clock, write
from shared.contract.codec import Message
from shared.contract.events import Absences, EndpointRead
from shared.contract.model import Kind, Student
from shared.ports import Log
from shared.sweeps.certificate import certify
from shared.sweeps.messages import Envelope, Letter, of_person
from shared.sweeps.writer import SweepWriter, absences_of

BATCH = 1_000  # records between two looks at the lease
PATH = "/v1/sync#/"
NOT_IN_BODY = "not_in_body"
ABSENT = ("absent",)  # the lists of somebody of whom no more is known than that the body has them not


@dataclass
class Delivery:
    """
    Of one list of a body: its students, or its staff. ``go_on`` raises when nothing more may be published. ``sweep``
    and ``read_at`` are those of the whole body.
    """

    kind: Kind
    school: str
    lane: int
    sweep: str
    read_at: str
    out: Log
    clock: Clock
    go_on: Callable[[], None]
    _digests: dict[str, str] = field(default_factory=dict, repr=False)
    _filled: Counter[str] = field(default_factory=Counter, repr=False)

    def structure_alone(self, structure: Letter) -> None:
        """Raises: Retryable."""
        self._publish([Envelope(school=self.school, lane=self.lane).structure(structure, self.read_at)])

    def whole(self, people: People, structure: Letter | None, turnover: Turnover, *, has_left: bool) -> None:
        """
        The sweep, from its start to its end. ``has_left``: whether not to be in the body means to have left.
        Raises: Retryable, when not everything was acknowledged.
        """
        writer = SweepWriter(
            school=self.school,
            lane=self.lane,
            kind=self.kind,
            sweep=self.sweep,
            started_at=self.read_at,
            full=True,
        )
        gone = (Student(student_id=key, lists=ABSENT) for key in sorted(turnover.absent(has_left=has_left)))
        self._publish(
            chain(
                self._opening(writer, structure),
                self._people(writer, people.records(), in_roll=True),
                self._people(writer, gone, in_roll=False),
            )
        )
        self._publish(self._ending(writer, people, turnover, has_left=has_left))

    def _opening(self, writer: SweepWriter, structure: Letter | None) -> Iterator[Message]:
        yield writer.started()
        if structure is not None:
            yield writer.structure(structure, self.read_at)

    def _people(self, writer: SweepWriter, people: Iterable[Student], *, in_roll: bool) -> Iterator[Message]:
        for student in people:
            letter = of_person(self.school, self.kind, student)
            if in_roll:
                self._digests[student.student_id] = letter.digest
                completeness.count(self._filled, student)
            yield writer.student(letter, self.read_at)

    def _ending(self, writer: SweepWriter, people: People, turnover: Turnover, *, has_left: bool) -> Iterator[Message]:
        count, unknown, name = len(people.entries), len(people.settled.without_key), people.name
        endpoint = EndpointRead(path=PATH + name, pages=1, declared=count, received=count)
        now = max(write(self.clock()), self.read_at)
        if unknown:
            detail = f"{unknown} of {count} {name} have no key that can be taken"
            yield writer.failed(now, WITHOUT_KEY[self.kind], detail, [endpoint])
            return
        yield from writer.roll(self._digests, now)
        proof = certify([endpoint], self._digests, (name, "sets"))
        yield writer.completed(now, proof, absences(turnover, has_left=has_left), self._filled)

    def _publish(self, messages: Iterable[Message]) -> None:
        rest = iter(messages)
        while batch := list(islice(rest, BATCH)):
            self.go_on()
            self.out.publish(batch)


def absences(turnover: Turnover, *, has_left: bool) -> Absences:
    explained = (NOT_IN_BODY,) if has_left else ()
    return absences_of({NOT_IN_BODY: turnover.missing}, explained=explained, suspicions=turnover.suspicions)
