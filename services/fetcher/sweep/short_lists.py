"""
Lists that come in pages, beside the students: each read whole or not at all.

What is kept of one is a record per person, encoded as it would be sent if no other list had them: it is read every
hour, and sweeps come every few minutes.
"""

from collections.abc import Callable
from functools import partial

import msgspec

from services.fetcher.isams import parse
from services.fetcher.isams.field_names import ParseContext
from services.fetcher.isams.fields import Json, Unreadable
from services.fetcher.isams.slips import Slips
from services.fetcher.isams.source import APPLICANTS, APPLICANTS_BRIEF, CONTACTS, LEAVERS, Absent, Source
from services.fetcher.sweep import certificate
from services.fetcher.sweep.certificate import PageRead
from shared.contract.codec import encode
from shared.contract.events import EndpointRead
from shared.contract.model import Address, Frozen, Student
from shared.errors import Retryable

BROKEN = 500  # a status that a server may have for a list that it has not, and for one that it has


class ShortList(Frozen, kw_only=True):
    """
    Who is in a list, by id, each with their ``Student`` as JSON; what the list declared; and, here and below, what of
    it could not be taken, in words.
    """

    people: dict[str, msgspec.Raw] = {}
    endpoints: tuple[EndpointRead, ...] = ()
    slips: tuple[str, ...] = ()


class Homes(Frozen, kw_only=True):
    """Where each student lives whose guardian is marked StudentHome, by id; none where the feed has no such mark."""

    homes: dict[str, Address] = {}
    endpoints: tuple[EndpointRead, ...] = ()
    slips: tuple[str, ...] = ()


async def read_list(source: Source, name: str, take: Callable[[Json], object], slips: Slips) -> EndpointRead:
    """
    Every page of a list, each record given to ``take``, which returns whose it is, or raises Unreadable where nothing
    says that: such a record is nobody's. Raises: Retryable when the pages are not one whole list or all of it is
    nobody's, Absent when there is no such list.
    """
    pages: list[PageRead] = []
    ids: list[str] = []
    nobodys = 0
    last = 1
    while len(pages) < last:
        page = await source.page(name, len(pages) + 1)
        last = page.pages
        pages.append(PageRead(page.number, page.pages, page.declared, page.count, len(page.records)))
        for record in page.records:
            try:
                ids.append(str(take(record)))
            except Unreadable as error:
                nobodys += 1
                ids.append(f"record {len(ids) + 1}")
                slips.note(f"{name} {ids[-1]}", error)
    if nobodys and nobodys == len(ids):
        raise Retryable(f"{source.path_of(name)}: {slips.words[0]}, and so in every record")
    failure = certificate.incomplete(pages, ids)
    if failure is not None:
        raise Retryable(f"{source.path_of(name)}: {failure.detail}")
    return certificate.endpoint_read(source.path_of(name), pages)


async def read_applicants(source: Source, reading: ParseContext, before: ShortList | None = None) -> ShortList:
    """
    Both lists of them, the richer first: who is in either is an applicant, and the first that has them tells of them.
    A server that breaks on a list which it gave ``before`` has it still. Raises: Retryable, Absent (there is neither).
    """
    had = {one.path for one in before.endpoints} if before is not None else set()
    people: dict[str, msgspec.Raw] = {}
    endpoints: list[EndpointRead] = []
    absent: list[Absent] = []
    take = partial(_take, people, parse.applicant, reading)
    for name in (APPLICANTS, APPLICANTS_BRIEF):
        try:
            endpoints.append(await read_list(source, name, take, reading.slips))
        except Absent as error:
            if error.status == BROKEN and source.path_of(name) in had:
                raise Retryable(f"{source.path_of(name)}: status {BROKEN}, and it was there before") from error
            absent.append(error)
    if not endpoints:
        raise absent[0]
    return ShortList(people=people, endpoints=tuple(endpoints), slips=reading.slips.words)


async def read_leavers(source: Source, reading: ParseContext) -> ShortList:
    people: dict[str, msgspec.Raw] = {}
    endpoint = await read_list(source, LEAVERS, partial(_take, people, parse.leaver, reading), reading.slips)
    return ShortList(people=people, endpoints=(endpoint,), slips=reading.slips.words)


async def read_homes(source: Source) -> Homes:
    """Of several guardians who are marked, the oldest record's address."""
    found: dict[str, tuple[int, Address]] = {}
    slips = Slips()

    def take(record: Json) -> int:
        contact = parse.contact_id(record)
        address = parse.address(record)
        for student in parse.home_of(record) if address is not None else ():
            if address is not None and (student not in found or contact < found[student][0]):
                found[student] = (contact, address)
        return contact

    endpoint = await read_list(source, CONTACTS, take, slips)
    homes = {student: found[student][1] for student in sorted(found)}
    return Homes(homes=homes, endpoints=(endpoint,), slips=slips.words)


def _take(
    people: dict[str, msgspec.Raw], read: Callable[[Json, ParseContext], Student], reading: ParseContext, record: Json
) -> str:
    """Raises: Unreadable, when nothing says whose record it is."""
    id = parse.student_id(record)
    if id not in people:
        people[id] = msgspec.Raw(encode(read(record, reading)))
    return id
