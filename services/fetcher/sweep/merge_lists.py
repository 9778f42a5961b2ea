"""
One record per person and sweep, whichever lists have them: current over prospective over left.

Pure. A person in the students' list and among the leavers keeps both in ``lists``: eligibility then knows that nothing
is known. So does an applicant among the leavers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from services.fetcher.isams import parse
from shared.config.settings import IsamsSchool
from shared.contract.canonical_text import canonical
from shared.contract.model import Student

_decoder = msgspec.json.Decoder(Student)


@dataclass(frozen=True)
class People:
    """
    Who is in the short lists, by id, each with their ``Student`` as JSON. ``statuses`` and ``admissions`` are those
    that make somebody prospective.
    """

    applicants: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    leavers: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    statuses: frozenset[int] = frozenset()
    admissions: frozenset[str] = frozenset()

    def of_student(self, student: Student) -> Student:
        """What is sent of somebody who was read from the students' list."""
        id = student.student_id
        if id not in self.applicants and id not in self.leavers:
            return student
        lists = ("students", *self._short(id))
        applicant = self._prospective(id) if student.system_status not in (None, parse.CURRENT) else None
        return msgspec.structs.replace(applicant or student, lists=lists)

    def others(
        self, roll: Mapping[str, object], explains: Callable[[str], bool]
    ) -> Iterator[tuple[str, msgspec.Raw | Student]]:
        """
        Applicants who are not in the roll already, and what is sent of each. ``explains``: whether the list of leavers
        tells anything of somebody; of whom it does not, an old application tells nothing either.
        """
        for id, raw in self.applicants.items():
            if id in roll:
                continue
            if id not in self.leavers:
                yield id, raw
                continue
            found = self._prospective(id)
            if explains(id):
                found = found or _decoder.decode(self.leavers[id])
                yield id, msgspec.structs.replace(found, lists=self._short(id))
            elif found is not None:
                yield id, raw

    def gone(self, roll: Mapping[str, object], explains: Callable[[str], bool]) -> Iterator[tuple[str, msgspec.Raw]]:
        """Leavers who are not in the roll, and what is sent of each, where their entry tells anything."""
        return ((id, raw) for id, raw in self.leavers.items() if id not in roll and explains(id))

    def _short(self, id: str) -> tuple[str, ...]:
        named = (("applicants", self.applicants), ("leavers", self.leavers))
        return tuple(name for name, people in named if id in people)

    def _prospective(self, id: str) -> Student | None:
        """The applicant's record, where it is of an application that counts: many a leaver's is kept for ever."""
        if id not in self.applicants:
            return None
        found = _decoder.decode(self.applicants[id])
        counts = found.system_status in self.statuses and canonical(found.admission_status or "") in self.admissions
        return found if counts else None


def people_of(
    settings: IsamsSchool, applicants: Mapping[str, msgspec.Raw], leavers: Mapping[str, msgspec.Raw]
) -> People:
    return People(
        applicants,
        leavers,
        frozenset(settings.prospective_system_statuses),
        frozenset(map(canonical, settings.prospective_admission_statuses)),
    )
