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

from services.fetcher.sweep.certificate import certify
from services.fetcher.sweep.messages import Envelope, Letter, of_person
from services.gateway.check import People
from services.gateway.receipt import WITHOUT_KEY
from services.gateway.turnover import Turnover
from shared import completeness
from shared.clock import Clock, write
from shared.contract.codec import Message
from shared.contract.events import Absences, EndpointRead, SweepCompleted, SweepFailed, SweepStarted
from shared.contract.model import Kind, Student
from shared.ports import Log

BATCH = 1_000  # records between two looks at the lease
MOST_NAMED = 50_000  # of those absent, in SweepCompleted: one record has a bound
PATH = "/v1/sync#/"
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
        self._publish([Envelope(self.school, self.lane, None).structure(structure, self.read_at)])

    def whole(self, people: People, structure: Letter | None, turnover: Turnover, *, has_left: bool) -> None:
        """
        The sweep, from its start to its end. ``has_left``: whether not to be in the body means to have left.
        Raises: Retryable, when not everything was acknowledged.
        """
        envelope = Envelope(self.school, self.lane, self.sweep, self.kind)
        gone = (Student(student_id=key, lists=ABSENT) for key in sorted(turnover.absent(has_left=has_left)))
        self._publish(
            chain(
                self._opening(envelope, structure),
                self._people(envelope, people.records(), in_roll=True),
                self._people(envelope, gone, in_roll=False),
            )
        )
        self._publish(self._ending(envelope, people, turnover, has_left=has_left))

    def _opening(self, envelope: Envelope, structure: Letter | None) -> Iterator[Message]:
        yield envelope.started(
            SweepStarted(school=self.school, kind=self.kind, sweep=self.sweep, started_at=self.read_at, full=True)
        )
        if structure is not None:
            yield envelope.structure(structure, self.read_at)

    def _people(self, envelope: Envelope, people: Iterable[Student], *, in_roll: bool) -> Iterator[Message]:
        for student in people:
            letter = of_person(self.school, self.kind, student)
            if in_roll:
                self._digests[student.student_id] = letter.digest
                completeness.count(self._filled, student)
            yield envelope.student(letter, self.read_at)

    def _ending(self, envelope: Envelope, people: People, turnover: Turnover, *, has_left: bool) -> Iterator[Message]:
        count, unknown, name = len(people.entries), len(people.settled.without_key), people.name
        endpoint = EndpointRead(path=PATH + name, pages=1, declared=count, received=count)
        now = max(write(self.clock()), self.read_at)
        if unknown:
            detail = f"{unknown} of {count} {name} have no key that can be taken"
            yield envelope.failed(
                SweepFailed(
                    school=self.school,
                    kind=self.kind,
                    sweep=self.sweep,
                    started_at=self.read_at,
                    failed_at=now,
                    reason=WITHOUT_KEY[self.kind],
                    detail=detail,
                    endpoints=(endpoint,),
                )
            )
            return
        yield from envelope.roll(self.sweep, list(self._digests), now)
        yield envelope.completed(
            SweepCompleted(
                school=self.school,
                kind=self.kind,
                sweep=self.sweep,
                started_at=self.read_at,
                completed_at=now,
                full=True,
                certificate=certify([endpoint], self._digests, (name, "sets")),
                absences=_absences(turnover, has_left=has_left),
                fill=completeness.fill_of(self._filled),
            )
        )

    def _publish(self, messages: Iterable[Message]) -> None:
        rest = iter(messages)
        while batch := list(islice(rest, BATCH)):
            self.go_on()
            self.out.publish(batch)


def _absences(turnover: Turnover, *, has_left: bool) -> Absences:
    count = len(turnover.missing)
    named = tuple(sorted(turnover.missing)) if count <= MOST_NAMED else ()
    return Absences(
        explained=named if has_left else (),
        unexplained=() if has_left else named,
        by_cause={"not_in_body": count} if count else {},
        suspicions=turnover.suspicions,
    )
