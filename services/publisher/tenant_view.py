"""A tenant as the view has it: its schools may be in several lanes, each kept by another process."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from services.publisher.facts import Facts, LaneFacts
from services.publisher.fingerprint import fingerprint_of
from services.publisher.prefixes import of_person, of_structure, prefixes_of
from services.publisher.projection import (
    COUNTS,
    IDENTITY,
    LANE,
    MARK,
    REBUILD,
    RETIRED,
    SCHOOLS,
    STATE,
    STRUCTURES,
    people_of,
)
from services.publisher.roster_entry import Person, unpack
from services.publisher.snapshot import Fixed
from shared.config.settings import Config, Tenant
from shared.contract.account_state import LaneState, SchoolState, StructureState
from shared.contract.codec import decoder
from shared.contract.model import Kind, Structure
from shared.contract.populations import book_of
from shared.lanes.partition import lane_of
from shared.ports import Ask, FencedHashes, Hashes


@dataclass(frozen=True)
class TenantView:
    """
    ``positions``: how far the view of each lane has read ``account-state``. ``protected``: the records that are in
    every snapshot. ``retired``: school -> what it no longer lists.
    """

    facts: Facts
    protected: tuple[Fixed, ...]
    structures: dict[str, Structure]
    positions: dict[int, int]
    retired: dict[str, Structure] = field(default_factory=dict)


class TenantViews:
    def __init__(self, config: Config, store: FencedHashes) -> None:
        self._config = config
        self._store = store

    def lanes_of(self, tenant: str) -> dict[str, int]:
        """School -> lane."""
        partitions = self._config.kafka.partitions
        return {school: lane_of(school, partitions) for school in self._config.schools_of(tenant)}

    def read(self, tenant: str) -> TenantView:
        """
        Each lane at one instant. Raises: Retryable.

        Of a tenant whose staff is not managed, nobody looks at what the view has of them.
        """
        settings = self._config.tenants[tenant]
        kinds: tuple[Kind, ...] = ("student", "staff") if settings.staff == "managed" else ("student",)
        lanes, people, states = self.lanes_of(tenant), {}, {}
        structures: dict[str, Structure] = {}
        prefixes = {school: prefixes_of(self._config.schools[school]) for school in lanes}
        retired: dict[str, Structure] = {}
        lane_facts: dict[int, LaneFacts] = {}
        positions: dict[int, int] = {}
        schools_of = {lane: [school for school, at in lanes.items() if at == lane] for lane in set(lanes.values())}
        books_of = {
            lane: [book_of(school, kind) for kind in kinds for school in schools]
            for lane, schools in schools_of.items()
        }
        asks = {lane: _ask(schools, books_of[lane]) for lane, schools in schools_of.items()}
        for lane, seen in self._store.read_lanes(asks).items():
            positions[lane], lane_facts[lane] = _facts_of(seen, books_of[lane])
            for found, name in ((structures, STRUCTURES), (retired, RETIRED)):
                for school, structure in zip(schools_of[lane], seen.some[name], strict=True):
                    if structure is not None:
                        told: Structure = decoder(StructureState).decode(structure).structure
                        found[school] = of_structure(told, prefixes[school])
            for book, state in zip(books_of[lane], seen.some[SCHOOLS], strict=True):
                if state is not None:
                    states[book] = decoder(SchoolState).decode(state)
                for value in seen.whole[people_of(book)].values():
                    person = unpack(value)
                    people[person.ref] = of_person(person, prefixes[person.school])
        facts = Facts(
            schools=tuple(lanes),
            states=states,
            lanes=lanes,
            lane_facts=lane_facts,
            people=people,
            has_staff="staff" in kinds,
            url=settings.url,
            fingerprint=fingerprint_of(tenant, settings.api_key),
            prefixes={school: prefix.bound for school, prefix in prefixes.items() if prefix.bound},
            areas_seen=_areas_seen(structures, people),
        )
        return TenantView(facts, protected_of(settings), structures, positions, retired)


def _areas_seen(structures: Mapping[str, Structure], people: Mapping[str, Person]) -> frozenset[str]:
    with_sets = {person.school for person in people.values() if person.has_modules and person.kind == "student"}
    return frozenset({f"{school}/structure" for school in structures} | {f"{school}/sets" for school in with_sets})


def read_to(view: TenantView, ends: Mapping[int, int]) -> TenantView:
    """The view, with the lanes marked that have not read ``account-state`` to where it ended."""
    lanes = {
        lane: replace(facts, is_behind=view.positions[lane] < ends.get(lane, 0))
        for lane, facts in view.facts.lane_facts.items()
    }
    return replace(view, facts=replace(view.facts, lane_facts=lanes))


def _ask(schools: list[str], books: list[str]) -> Ask:
    """Everything that the view has of these schools' books."""
    return Ask(
        {
            SCHOOLS: books,
            STRUCTURES: schools,
            RETIRED: schools,
            COUNTS: books,
            LANE: [STATE],
            REBUILD: [MARK, IDENTITY],
        },
        whole=[people_of(book) for book in books],
    )


def protected_of(tenant: Tenant) -> tuple[Fixed, ...]:
    """The records of the tenant's ``protected`` file."""
    students = [Fixed("student", one.email, msgspec.json.encode(one.body())) for one in tenant.protected.students]
    staff = [Fixed("staff", one.email, msgspec.json.encode(one.body())) for one in tenant.protected.staff]
    return (*students, *staff)


def _facts_of(seen: Hashes, books: list[str]) -> tuple[int, LaneFacts]:
    """How far the view has read, and what it says of its lane."""
    if seen.lane is None:
        return -1, LaneFacts(is_whole=False)
    own: LaneState = decoder(LaneState).decode(seen.lane)
    value = seen.some[LANE][0]
    lane: LaneState | None = None if value is None else decoder(LaneState).decode(value)
    mark, identity = seen.some[REBUILD]
    counts = [int(count or b"0") for count in seen.some[COUNTS]]
    has_all = counts == [len(seen.whole[people_of(book)]) for book in books]
    return own.position, LaneFacts(
        position=-1 if lane is None else lane.position,
        is_whole=has_all and not seen.lost and own.position >= own.rebuilt_offset,
        rebuilt_offset=max(-1 if lane is None else lane.rebuilt_offset, -1 if mark is None else int(mark)),
        rebuild=f"{lane.epoch if lane else ''}/{lane.rebuilt_offset if lane else ''}/{(identity or b'').decode()}",
    )
