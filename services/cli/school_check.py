"""
What `rollcall check` asks one iSAMS: the token, each area, whether each field that is needed is filled in, and what the
cadences will cost. Some twenty small questions, and nothing is changed.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.cli.sample import SAMPLES, State, of_fields
from services.cli.school_cost import Size, requests_per_hour
from services.cli.school_words import of_records
from services.fetcher import isams
from services.fetcher.fields import count
from services.fetcher.politeness import Politeness
from services.fetcher.session import Session
from services.fetcher.sets import is_hidden
from services.fetcher.source import Refused
from shared.config import IsamsSchool
from shared.errors import Retryable

PATIENCE_SECONDS = 10.0  # for one request: a person waits
REQUESTS = 100  # that a check may send to a school: far more than it does
SAMPLE = 100  # records of a list that are looked at
APPLICANTS = ("/api/admissions/applicants/students", "/api/admissions/applicants")  # a server may have one of them
GRADEBOOKS = f"in {isams.WHERE}, give this client the permission Gradebooks (Read)"


@dataclass(frozen=True)
class Found:
    """One thing that was tried. ``text``: what was found; after a semicolon, what to do."""

    what: str
    state: State
    text: str


@dataclass(frozen=True)
class Probe:
    """One area. Without students there is no sync; without anything else it is degraded."""

    what: str
    paths: tuple[str, ...]
    key: str
    worst: State = State.DEGRADED
    query: Mapping[str, str] | None = None
    loses: str = ""  # what a school goes without


PAGE = {"page": "1", "pageSize": str(SAMPLE)}
STUDENTS = Probe("students", (isams.STUDENTS,), "students", State.FAILED, PAGE)
PROBES = (
    Probe("life stages", (isams.STATUSES,), "systemStatuses", loses="only the words of system_status_words are known"),
    Probe("applicants", APPLICANTS, "students|applicants", query=PAGE, loses="prospective students are not told"),
    Probe("leavers", ("/api/alumni",), "alumni", query=PAGE, loses="leavers count as unexplained absences"),
    Probe("contacts", ("/api/students/contacts",), "contacts", query=PAGE, loses="homes of StudentHome are not told"),
    Probe("year groups", (isams.YEAR_GROUPS,), "yearGroups", loses="there are no programmes"),
    Probe("departments", (isams.DEPARTMENTS,), "departments", loses="Unitu has no departments"),
    Probe("houses", ("/api/school/houses",), "houses", loses="applicants have no house"),
    Probe("terms", ("/api/school/terms",), "terms", loses="terms are not told"),
    Probe("subjects", (isams.SUBJECTS,), "subjects", loses="there are no modules"),
    Probe("sets", (isams.SETS,), "sets", loses="nobody is enrolled into modules"),
)
EMPLOYEES = Probe("employees", (isams.STAFF,), "employees", query=PAGE, loses="staff = managed sends no staff")


@dataclass
class _Answers:
    """The records of each area that was read, and how many there are of each."""

    records: dict[str, Sequence[Any]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    page_size: int = SAMPLE


async def of_isams(school: IsamsSchool, *, has_staff: bool) -> list[Found]:
    """
    In the order in which a sweep needs them. Where there is no token, or the students cannot be read, that is all: what
    follows would fail in the same words.
    """
    school = school.model_copy(update={"timeout_seconds": min(school.timeout_seconds, PATIENCE_SECONDS)})
    session = Session(school, Politeness(REQUESTS), isams.permission_words)
    answers = _Answers()
    try:
        token = await _try("token", State.FAILED, session.sign_in)
        if token is not None:
            return [token]
        first = await _ask(session, STUDENTS, answers)
        found = [Found("token", State.OK, "given"), first]
        if first.state is State.FAILED:
            return found
        for probe in (*PROBES, *([EMPLOYEES] if has_staff else [])):
            found.append(await _ask(session, probe, answers))
        found += [await _photos(session, answers), await _gradebooks(session, school, answers)]
        size = await _size(session, school, answers)
    finally:
        await session.close()
    for sample in SAMPLES:
        found += [Found(*one) for one in of_fields(sample, answers.records.get(sample.area))]
    found += [Found(*one) for one in of_records(school, answers.records)]
    return [*found, _cost(school, size)]


async def _try(what: str, worst: State, question: Callable[[], Awaitable[Any]]) -> Found | None:
    """None where it went well."""
    try:
        await question()
    except Refused as refusal:
        return Found(what, worst, str(refusal))
    except Retryable as trouble:
        return Found(
            what, worst, f"{trouble}; try again, see base_url and proxy, and that the school lets this machine in"
        )
    return None


async def _ask(session: Session, probe: Probe, answers: _Answers) -> Found:
    body: Any = None

    async def question() -> None:
        nonlocal body
        for path in probe.paths:
            body = await _find(session, path, probe)
            if body is not None:
                isams.check_refusal(body, path, probe.key)
                return

    if (trouble := await _try(probe.what, probe.worst, question)) is not None:
        return Found(trouble.what, trouble.state, _with(trouble.text, probe.loses))
    if body is None:
        text = f"iSAMS has no {probe.paths[0]}; see that base_url is the address of iSAMS itself"
        return Found(probe.what, probe.worst, _with(text, probe.loses))
    records = next((body[key] for key in probe.key.split("|") if isinstance(body, dict) and body.get(key)), None)
    records = body if isinstance(body, list) else records or []
    total = count(body, "totalCount") if isinstance(body, dict) else None
    answers.records[probe.what] = records
    answers.totals[probe.what] = len(records) if total is None else total
    return Found(probe.what, State.OK, f"readable: {answers.totals[probe.what]}")


async def _find(session: Session, path: str, probe: Probe) -> Any:
    """None where there is no such list: 404, or for the richer list of applicants 400."""
    try:
        return await session.find(path, probe.query)
    except Refused as refusal:
        if refusal.status != 400 or path == probe.paths[-1]:
            raise
        return None


def _with(text: str, loses: str) -> str:
    """The loss goes with what was found, before what to do."""
    message, mark, fix = text.partition("; ")
    return f"{message}: {loses}{mark}{fix}" if loses else text


async def _photos(session: Session, answers: _Answers) -> Found:
    """The photo of somebody who has one. Theirs may be gone since: a photo that is not there is no trouble."""
    ids = [
        one["schoolId"]
        for one in answers.records["students"]
        if isinstance(one, dict) and one.get("latestPhotoId") and isinstance(one.get("schoolId"), str)
    ]
    if not ids:
        return Found("photos", State.OK, f"nobody of a sample of {len(answers.records['students'])} has one")
    path = f"{isams.STUDENTS}/{ids[0]}/photos/current"
    label = f"{isams.STUDENTS}/{{id}}/photos/current"
    trouble = await _try("photos", State.DEGRADED, lambda: session.find_bytes(path, label=label))
    return trouble or Found("photos", State.OK, f"readable; {len(ids)} of the sample have one")


async def _gradebooks(session: Session, school: IsamsSchool, answers: _Answers) -> Found:
    if school.gradebooks_path is None:
        return Found("gradebooks", State.OK, "not read; for transcripts, set gradebooks_path to what iSAMS names")
    id = next((one["schoolId"] for one in answers.records["students"] if isinstance(one, dict)), "0")
    label, path = school.gradebooks_path, school.gradebooks_path.replace("{schoolId}", str(id))
    found: Any = None

    async def question() -> None:
        nonlocal found
        found = await session.find(path, label=label)

    trouble = await _try("gradebooks", State.DEGRADED, question)
    if trouble is not None:
        return Found("gradebooks", State.DEGRADED, f"{trouble.text.partition('; ')[0]}; {GRADEBOOKS}")
    if found is None:
        text = f"iSAMS has no {school.gradebooks_path}; see gradebooks_path"
        return Found("gradebooks", State.DEGRADED, text)
    return Found("gradebooks", State.OK, "readable")


async def _size(session: Session, school: IsamsSchool, answers: _Answers) -> Size:
    """How large a page iSAMS really gives decides how many there are."""
    body: Any = None

    async def question() -> None:
        nonlocal body
        body = await session.find(isams.STUDENTS, {"page": "1", "pageSize": str(school.page_size)})

    await _try("page size", State.OK, question)
    given = count(body, "pageSize") if isinstance(body, dict) else None
    hidden = [one for one in answers.records.get("sets", []) if isinstance(one, dict) and is_hidden(one)]
    return Size(
        page_size=given or school.page_size,
        students=answers.totals["students"],
        applicants=answers.totals.get("applicants", 0),
        leavers=answers.totals.get("leavers", 0),
        contacts=answers.totals.get("contacts", 0),
        year_groups=answers.totals.get("year groups", 0),
        sets=answers.totals.get("sets", 0) - len(hidden),
        staff=answers.totals.get("employees"),
    )


def _cost(school: IsamsSchool, size: Size) -> Found:
    cost = requests_per_hour(school, size)
    ceiling = school.max_requests_per_hour
    text = f"about {cost:.0f}, of at most {ceiling}"
    if cost <= ceiling:
        return Found("requests per hour", State.OK, text)
    longer = f"set poll_seconds above {school.poll_seconds}, or max_requests_per_hour to {cost:.0f}"
    return Found("requests per hour", State.DEGRADED, f"{text}: sweeps will wait for the next hour; {longer}")
