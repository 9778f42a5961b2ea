"""
ParseContext what changes slowly, each area with a permission and a pace of its own.

An area that fails degrades itself alone: what it last said goes on being said, and a line in the log tells why. One
that was never read says nothing, and that is not the same as an empty list.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from services.fetcher.isams.curriculum import Houses, SchoolLists, TeachingLists, Terms
from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.slips import nameless
from services.fetcher.isams.source import Source
from services.fetcher.sweep import due_times
from services.fetcher.sweep.cache import AreaState, Remembered
from services.fetcher.sweep.short_lists import Homes, ShortList, read_applicants, read_homes, read_leavers
from shared.clock import Clock, write
from shared.config.settings import IsamsSchool
from shared.contract.canonical_text import canonical
from shared.contract.codec import encode
from shared.contract.events import EndpointRead
from shared.contract.model import Frozen
from shared.errors import Retryable, RollcallError

log = logging.getLogger("rollcall.fetcher")

STATUSES = "statuses"
HOUSES = "houses"
APPLICANTS = "applicants"
LEAVERS = "leavers"
CONTACTS = "contacts"
STRUCTURE = "structure"
TERMS = "terms"
SETS = "sets"

_T = TypeVar("_T", bound=Frozen)


class StatusWords(Frozen, kw_only=True):
    words: dict[str, int] = {}


@dataclass(frozen=True)
class AreasRead:
    """
    What each area says, now or at its last reading; one that was never read is not there. ``fresh`` are those read
    whole just now.
    """

    values: Mapping[str, Frozen]
    states: Mapping[str, AreaState]
    fresh: Mapping[str, bytes] = field(default_factory=dict)

    def of(self, name: str, type: type[_T]) -> _T | None:
        value = self.values.get(name)
        return value if isinstance(value, type) else None

    @property
    def statuses(self) -> StatusWords | None:
        return self.of(STATUSES, StatusWords)

    @property
    def applicants(self) -> ShortList | None:
        return self.of(APPLICANTS, ShortList)

    @property
    def leavers(self) -> ShortList | None:
        return self.of(LEAVERS, ShortList)

    @property
    def homes(self) -> Homes | None:
        return self.of(CONTACTS, Homes)

    @property
    def structure(self) -> SchoolLists | None:
        return self.of(STRUCTURE, SchoolLists)

    @property
    def sets(self) -> TeachingLists | None:
        return self.of(SETS, TeachingLists)

    @property
    def houses(self) -> Houses | None:
        return self.of(HOUSES, Houses)

    @property
    def terms(self) -> Terms | None:
        return self.of(TERMS, Terms)

    @property
    def structure_read_at(self) -> str:
        """When the newest of what makes the structure was read."""
        return max(self.states.get(name, AreaState()).read_at for name in (STRUCTURE, SETS, HOUSES, TERMS))

    def has_sound_sets(self, certified_at: str | None) -> bool:
        """
        Whether the sets that were kept can prove that somebody lost one: read whole, without trouble since, and by a
        sweep that was certified, as the last of them was at this time.
        """
        states = [self.states.get(name, AreaState()) for name in (STRUCTURE, SETS)]
        is_certified = certified_at is not None and all(one.read_at <= certified_at for one in states)
        return is_certified and self._has_whole_sets and not any(one.trouble for one in states)

    @property
    def _has_whole_sets(self) -> bool:
        """
        Somebody is in a set, and every subject, set, member and year group came once and could be read: what is not
        there may be missing because something else came in its place, and whoever lost a module by that must not lose
        it.
        """
        structure, sets = self.structure, self.sets
        return (
            structure is not None
            and sets is not None
            and structure.is_whole
            and sets.is_whole
            and any(one.members for one in sets.sets)
        )

    @property
    def slips(self) -> tuple[str, ...]:
        """What of the areas could not be taken, in the order of their reading."""
        return tuple(slip for name in AREAS for slip in slips_of(self.values.get(name)))

    def certified(self) -> tuple[tuple[str, ...], tuple[EndpointRead, ...]]:
        """
        The areas that were read whole in this sweep, and what their lists declared. Sets count only where nothing of
        them came in the place of something else.
        """
        names = tuple(sorted(name for name in self.fresh if name != SETS or self._has_whole_sets))
        endpoints: list[EndpointRead] = []
        for name in names:
            value = self.values[name]
            if isinstance(value, ShortList | Homes):
                endpoints += value.endpoints
        return names, tuple(endpoints)


@dataclass(frozen=True)
class _Area:
    """``read`` is given the source, the school's settings, and what has been read so far."""

    type: type[Frozen]
    read: Callable[[Source, IsamsSchool, AreasRead], Awaitable[Frozen]]
    hours: Callable[[IsamsSchool], float]


def _slowly(school: IsamsSchool) -> float:
    return school.structure_hours


def _hourly(school: IsamsSchool) -> float:
    return school.lists_hours


async def _statuses(source: Source, *_: object) -> StatusWords:
    return StatusWords(words=dict(sorted((await source.status_words()).items())))


async def _structure(source: Source, _: IsamsSchool, so_far: AreasRead) -> SchoolLists:
    return (await source.school_lists()).with_divisions_of(so_far.structure)


async def _sets(source: Source, school: IsamsSchool, _: AreasRead) -> TeachingLists:
    """
    Raises: Retryable, when no set has a subject that is known: then they are no modules, and what they were stays.
    """
    found = await source.teaching_lists()
    if school.modules == "subject" and not found.has_subjects:
        raise Retryable(
            "no set has a subject that is in the list of subjects; see how this iSAMS names a set's subject"
        )
    return found


_TABLE = {  # in the order of their reading: words and houses are needed to read who is in the lists
    STATUSES: _Area(StatusWords, _statuses, _slowly),
    HOUSES: _Area(Houses, lambda source, *_: source.houses(), _slowly),
    APPLICANTS: _Area(
        ShortList,
        lambda source, school, so_far: read_applicants(source, reading(school, so_far), so_far.applicants),
        _hourly,
    ),
    LEAVERS: _Area(ShortList, lambda source, school, so_far: read_leavers(source, reading(school, so_far)), _hourly),
    CONTACTS: _Area(Homes, lambda source, *_: read_homes(source), _slowly),
    STRUCTURE: _Area(SchoolLists, _structure, _slowly),
    TERMS: _Area(Terms, lambda source, *_: source.terms(), _slowly),
    SETS: _Area(TeachingLists, _sets, _slowly),
}
AREAS = tuple(_TABLE)


def remembered(known: Remembered) -> AreasRead:
    """What each area last said."""
    values = {name: value for name, area in _TABLE.items() if (value := known.area(name, area.type)) is not None}
    return AreasRead(values, known.state.areas)


async def read_areas(
    school: str, settings: IsamsSchool, source: Source, known: Remembered, due: Sequence[str], clock: Clock
) -> AreasRead:
    """Read the areas that are due; take the others, and those that fail, from memory. Raises: nothing of its own."""
    found = remembered(known)
    for name in due:
        area, state = _TABLE[name], found.states.get(name, AreaState())
        started = clock()
        try:
            value = await area.read(source, settings, found)
        except RollcallError as error:
            failed = due_times.area_failed(state, clock(), str(error), area.hours(settings))
            found = AreasRead(found.values, {**found.states, name: failed}, found.fresh)
            if not state.trouble:
                log.warning("%s: reading %s failed, it stays as it was: %s", school, name, error)
            continue
        if (slips := slips_of(value)) and slips != slips_of(found.values.get(name)):
            words = nameless(slips) if isinstance(value, ShortList | Homes) else slips
            log.warning("%s: %s read in part: %s", school, name, "; ".join(words))
        read = due_times.area_read(state, write(started))
        fresh = {**found.fresh, name: encode(value)}
        found = AreasRead({**found.values, name: value}, {**found.states, name: read}, fresh)
        if state.trouble:
            log.info("%s: %s readable again", school, name)
    return found


def slips_of(value: Frozen | None) -> tuple[str, ...]:
    """What of an area's lists could not be taken, in words."""
    slips: tuple[str, ...] = getattr(value, "slips", ())
    return slips


def rested(
    areas: AreasRead, settings: IsamsSchool, now: datetime, *, ask_again: Sequence[str] = ()
) -> dict[str, AreaState]:
    """
    The areas' states after a certified sweep: what was read in it rests until it is due again. ``ask_again`` are due at
    once, unless they have just been read.
    """
    states = dict(areas.states)
    for name in areas.fresh:
        states[name] = due_times.area_certified(states[name], now, _TABLE[name].hours(settings))
    for name in ask_again:
        if name not in areas.fresh and not states.get(name, AreaState()).trouble:
            states[name] = due_times.area_due(states.get(name, AreaState()))
    return states


def reading(settings: IsamsSchool, areas: AreasRead) -> ParseContext:
    """
    What a person's record is read with. What the school's configuration says of a word goes before what its own list
    says.
    """
    listed = {canonical(word): number for word, number in (areas.statuses.words if areas.statuses else {}).items()}
    configured = {canonical(word): number for word, number in settings.system_status_words.items()}
    houses = areas.houses.names if areas.houses else {}
    return ParseContext(listed | configured, settings.year_from_nc_year, settings.zone, houses)
