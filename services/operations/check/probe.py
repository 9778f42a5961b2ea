"""
One area of one iSAMS, asked as a sweep asks for it: what the fetcher could not take is no area that is fine.

What a sweep reads with the fetcher's own page size and readers is asked for and read by the same ones here. Where a
server has no page of that size, a small one tells whether it is the size.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.fetcher.isams import client
from services.fetcher.isams.fields import count
from services.fetcher.isams.session import Session
from services.fetcher.isams.source import Page, Refused, Trouble, told
from services.operations.check.sample import State
from shared.errors import Retryable

SAMPLE = 100  # records of a list that are looked at, and a page that every server gives
IN_VAIN = (401, 403)  # statuses that a smaller page does not change


@dataclass(frozen=True)
class Found:
    """One thing that was tried. ``text``: what was found; after a semicolon, what to do."""

    what: str
    state: State
    text: str


@dataclass(frozen=True)
class Probe:
    """
    One area: its list, or the lists of which a server may have one, each a path and the key of its array. Without
    students there is no sync; without anything else it is degraded. ``empty``: what is wrong where nobody is in it.
    """

    what: str
    lists: tuple[tuple[str, str], ...]
    worst: State = State.DEGRADED
    has_pages: bool = False
    loses: str = ""  # what a school goes without
    empty: str = ""


def _one(name: str) -> tuple[tuple[str, str], ...]:
    return (client.LISTS[name],)


SEES = "see that base_url is this school's, and what this client may see of it"
STUDENTS = Probe(
    "students",
    ((client.STUDENTS, "students"),),
    State.FAILED,
    has_pages=True,
    empty=f"the list of students is empty, and no sweep of nobody is certified; {SEES}",
)
PROBES = (
    Probe(
        "life stages",
        ((client.STATUSES, "systemStatuses"),),
        loses="only the words of system_status_words are known",
    ),
    Probe(
        "applicants",
        (*_one("applicants"), *_one("applicants_brief")),
        has_pages=True,
        loses="prospective students are not told",
    ),
    Probe("leavers", _one("leavers"), has_pages=True, loses="leavers count as unexplained absences"),
    Probe("contacts", _one("contacts"), has_pages=True, loses="homes of StudentHome are not told"),
    Probe(
        "year groups",
        ((client.YEAR_GROUPS, "yearGroups"),),
        loses="there are no programmes",
        empty=f"the list of year groups is empty, and no school has none; {SEES}",
    ),
    Probe("departments", ((client.DEPARTMENTS, "departments"),), loses="Unitu has no departments"),
    Probe("houses", ((client.HOUSES, "houses"),), loses="applicants have no house"),
    Probe("terms", ((client.TERMS, "terms"),), loses="terms are not told"),
    Probe("subjects", ((client.SUBJECTS, "subjects"),), loses="there are no modules"),
    Probe("sets", ((client.SETS, "sets"),), loses="nobody is enrolled into modules"),
)
EMPLOYEES = Probe(
    "employees",
    _one("employees"),
    has_pages=True,
    loses="staff = managed sends no staff",
    empty=f"the list of staff is empty, and no sweep of nobody is certified; {SEES}",
)
LOSES = {one.what: one.loses for one in (*PROBES, EMPLOYEES)}


@dataclass
class Answers:
    """
    The records of each area that was read, and how many there are of each. ``page_size``: how many students come at
    once, by the envelope.
    """

    asked: int
    records: dict[str, Sequence[Any]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    page_size: int = SAMPLE


async def attempt(what: str, worst: State, question: Callable[[], Awaitable[Any]]) -> Found | None:
    """None where it went well."""
    try:
        await question()
    except Refused as refusal:
        return Found(what, worst, told(refusal))
    except Retryable as trouble:
        advice = "try again, see base_url and proxy, and that the school lets this machine in"
        text, mark, fix = told(trouble).partition("; ")
        return Found(what, worst, f"{text}; {fix or advice}" if mark else f"{text}; {advice}")
    return None


async def ask(session: Session, probe: Probe, answers: Answers) -> list[Found]:
    """The area, and where it matters, what is wrong with its pages."""
    sizes = [answers.asked, *([SAMPLE] if answers.asked > SAMPLE else [])] if probe.has_pages else [0]
    first: Exception | None = None
    for size in sizes:
        try:
            found = await _read(session, probe, size, answers)
        except (Refused, Retryable) as error:
            first = first or error
            if isinstance(error, Refused) and (error.is_edge or error.status in IN_VAIN):
                break
            continue
        refused = [] if first is None else [Found(f"{probe.what}: page size", probe.worst, _no_page(first, size))]
        return [found, *refused]
    trouble = await attempt(probe.what, probe.worst, _raising(first))
    return [] if trouble is None else [Found(probe.what, probe.worst, with_loss(trouble.text, probe.loses))]


def _no_page(error: Exception, size: int) -> str:
    text = told(error).partition("; ")[0]
    return f"{text}, and a page of {size} is given: no sweep can be read so; set page_size = {size}"


def _raising(error: Exception | None) -> Callable[[], Awaitable[None]]:
    async def question() -> None:
        if error is not None:
            raise error

    return question


async def _read(session: Session, probe: Probe, size: int, answers: Answers) -> Found:
    """Raises: Refused, Retryable, as the fetcher would."""
    query = {"page": "1", "pageSize": str(size)} if probe.has_pages else None
    for path, key in probe.lists:
        body = await _find(session, path, query, is_last=path == probe.lists[-1][0])
        if body is None:
            continue
        page = client.page_of(body, key, 1, path)
        answers.records[probe.what] = page.records
        answers.totals[probe.what] = total = len(page.records) if page.declared is None else page.declared
        if probe is STUDENTS:
            answers.page_size = (isinstance(body, dict) and count(body, "pageSize")) or size
        if fault := _fault(probe, page, total):
            return Found(probe.what, probe.worst, with_loss(fault, probe.loses))
        return Found(probe.what, State.OK, f"readable: {total}")
    paths = " nor ".join(path for path, _ in probe.lists)
    raise Refused(f"iSAMS has no {paths}; see that base_url is the address of iSAMS itself", 404)


async def _find(session: Session, path: str, query: Mapping[str, str] | None, *, is_last: bool) -> Any:
    """None where there is no such list: 404, and what a server without the richer list of applicants answers."""
    try:
        return await session.find(path, query)
    except (Refused, Trouble) as refusal:
        if is_last or refusal.status not in client.WITHOUT_APPLICANTS:
            raise
        return None


def _fault(probe: Probe, page: Page, total: int) -> str:
    """Why the fetcher would take none of a list whose first page came; empty: nothing is wrong."""
    if not total and probe.empty:
        return probe.empty
    if page.count is not None and page.count != len(page.records):
        return f"its page declares {page.count} and has {len(page.records)}; ask whoever runs the school's iSAMS"
    if probe.has_pages and page.declared is None:
        return "the list does not declare how many are in it; ask whoever runs the school's iSAMS"
    if not probe.has_pages and (page.pages > 1 or total != len(page.records)):
        return f"it came with {len(page.records)} of {total} entries; ask whoever runs the school's iSAMS"
    return ""


def with_loss(text: str, loses: str) -> str:
    """The loss goes with what was found, before what to do."""
    message, mark, fix = text.partition("; ")
    return f"{message}: {loses}{mark}{fix}" if loses else text
