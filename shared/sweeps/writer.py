"""
A sweep's opening and closing records, whoever reads the people: the fetcher from iSAMS, the gateway from a body. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared import completeness
from shared.contract.codec import Message
from shared.contract.events import (
    Absences,
    Certificate,
    EndpointRead,
    RollRead,
    SweepCompleted,
    SweepFailed,
    SweepStarted,
)
from shared.sweeps.messages import Envelope

ROLL_CHUNK = 5_000  # ids in one RollRead
MOST_NAMED = 50_000  # people in each list of SweepCompleted: one record has a bound


@dataclass(frozen=True, kw_only=True)
class SweepWriter(Envelope):
    """Addresses everything of one sweep, and writes what opens and closes it. Times are those of whoever reads."""

    sweep: str
    started_at: str
    full: bool

    def started(self) -> Message:
        event = SweepStarted(
            school=self.school, kind=self.kind, sweep=self.sweep, started_at=self.started_at, full=self.full
        )
        return self.event(event, "sweep_started", self.started_at)

    def roll(self, ids: Iterable[str], at: str) -> list[Message]:
        """The roll in chunks; an empty one is one empty chunk."""
        ordered = sorted(ids)
        parts = [tuple(ordered[n : n + ROLL_CHUNK]) for n in range(0, len(ordered), ROLL_CHUNK)] or [()]
        events = [
            RollRead(school=self.school, kind=self.kind, sweep=self.sweep, chunk=n, chunks=len(parts), ids=part)
            for n, part in enumerate(parts)
        ]
        return [self.event(event, "roll_read", at, f"/{event.chunk}") for event in events]

    def completed(
        self, at: str, certificate: Certificate, absences: Absences, filled: Counter[str], slips: Sequence[str] = ()
    ) -> Message:
        """``filled`` counts the records of the roll that have each column."""
        event = SweepCompleted(
            school=self.school,
            kind=self.kind,
            sweep=self.sweep,
            started_at=self.started_at,
            completed_at=at,
            full=self.full,
            certificate=certificate,
            absences=absences,
            fill=completeness.fill_of(filled),
            slips=tuple(slips),
        )
        return self.event(event, "sweep_completed", at)

    def failed(self, at: str, reason: str, detail: str, endpoints: Sequence[EndpointRead]) -> Message:
        event = SweepFailed(
            school=self.school,
            kind=self.kind,
            sweep=self.sweep,
            started_at=self.started_at,
            failed_at=at,
            reason=reason,
            detail=detail,
            endpoints=tuple(endpoints),
        )
        return self.event(event, "sweep_failed", at)


def absences_of(
    ids: Mapping[str, Collection[str]],
    *,
    found: str = "",
    explained: Collection[str] = (),
    suspicions: Sequence[str] = (),
) -> Absences:
    """
    Everybody who was missing, by what was learnt of them; ``found`` and ``explained`` say which of these causes are
    that. A list that is too long for one record is named as far as it goes, the first by id; ``by_cause`` has the
    number of all.
    """
    gone = [cause for cause in ids if cause != found]
    return Absences(
        found=_named(ids.get(found, ())),
        explained=_named(id for cause in gone if cause in explained for id in ids[cause]),
        unexplained=_named(id for cause in gone if cause not in explained for id in ids[cause]),
        by_cause={cause: len(of_cause) for cause, of_cause in sorted(ids.items()) if of_cause},
        suspicions=tuple(suspicions),
    )


def _named(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids)[:MOST_NAMED])
