"""
What `rollcall check` asks one iSAMS: the token, each area, whether each field that is needed is filled in, and what the
cadences will cost. Some twenty small questions, and nothing is changed.
"""

from services.fetcher.isams import client
from services.fetcher.isams.rate_limit import Politeness
from services.fetcher.isams.session import Session
from services.fetcher.isams.sets import is_hidden
from services.fetcher.isams.source import Refused, told
from services.fetcher.profiles import photo_files
from services.operations.check.cost import Size, at_once, requests_per_hour, sweep_requests
from services.operations.check.probe import EMPLOYEES, LOSES, PROBES, STUDENTS, Answers, Found, ask, attempt, with_loss
from services.operations.check.records import of_records
from services.operations.check.sample import SAMPLES, State, of_fields
from shared.config.settings import IsamsSchool
from shared.errors import Retryable

PATIENCE_SECONDS = 10.0  # for one request: a person waits
REQUESTS = 100  # that a check may send to a school: far more than it does
GRADEBOOKS = f"in {client.WHERE}, give this client the permission Gradebooks (Read)"


async def of_isams(school: IsamsSchool, *, has_staff: bool) -> list[Found]:
    """
    In the order in which a sweep needs them. Where there is no token, or the students cannot be read, that is all: what
    follows would fail in the same words.
    """
    school = school.model_copy(update={"timeout_seconds": min(school.timeout_seconds, PATIENCE_SECONDS)})
    session = Session(school, Politeness(REQUESTS), client.permission_words)
    answers = Answers(school.page_size)
    try:
        token = await attempt("token", State.FAILED, session.sign_in)
        if token is not None:
            return [token]
        found = [Found("token", State.OK, "given"), *await ask(session, STUDENTS, answers)]
        if not answers.records.get("students"):
            return found
        for probe in (*PROBES, *([EMPLOYEES] if has_staff else [])):
            found += await ask(session, probe, answers)
        found += [await _photos(session, answers), await _gradebooks(session, school, answers)]
    finally:
        await session.close()
    for sample in SAMPLES:
        found += [Found(*one) for one in of_fields(sample, answers.records.get(sample.area))]
    found += [Found(*one) for one in of_records(school, answers.records)]
    return [*found, *_costs(school, _size(answers))]


async def _photos(session: Session, answers: Answers) -> Found:
    """The photo of somebody who has one. Theirs may be gone since: a photo that is not there is no trouble."""
    ids = [
        one["schoolId"]
        for one in answers.records["students"]
        if isinstance(one, dict) and one.get("latestPhotoId") and isinstance(one.get("schoolId"), str)
    ]
    if not ids:
        return Found("photos", State.OK, f"nobody of a sample of {len(answers.records['students'])} has one")
    path = f"{client.STUDENTS}/{ids[0]}/photos/current"
    label = f"{client.STUDENTS}/{{id}}/photos/current"

    async def question() -> None:
        content = await session.find_bytes(path, label=label)
        if content is not None:
            try:
                photo_files.judged(content)
            except photo_files.Unfit as unfit:
                raise Refused(f"{label}: {unfit}; {client.permission_words(client.STUDENTS)}", 200) from unfit

    trouble = await attempt("photos", State.DEGRADED, question)
    return trouble or Found("photos", State.OK, f"readable; {len(ids)} of the sample have one")


async def _gradebooks(session: Session, school: IsamsSchool, answers: Answers) -> Found:
    if school.gradebooks_path is None:
        return Found("gradebooks", State.OK, "not read; for transcripts, set gradebooks_path to what iSAMS names")
    id = next((one["schoolId"] for one in answers.records["students"] if isinstance(one, dict)), "0")
    label, path = school.gradebooks_path, school.gradebooks_path.replace("{schoolId}", str(id))
    try:
        found = await session.find(path, label=label)
        if found is not None:
            client.check_refusal(found, label, "gradebooks")
    except Refused as refusal:
        is_permission = refusal.status in (200, 401, 403) and not refusal.is_edge
        text = f"{told(refusal).partition('; ')[0]}; {GRADEBOOKS}" if is_permission else told(refusal)
        return Found("gradebooks", State.DEGRADED, text)
    except Retryable as trouble:
        return Found("gradebooks", State.DEGRADED, f"{told(trouble)}; try again")
    if found is None:
        text = f"iSAMS has no {school.gradebooks_path}; see gradebooks_path"
        return Found("gradebooks", State.DEGRADED, text)
    return Found("gradebooks", State.OK, "readable")


def _size(answers: Answers) -> Size:
    """How large a page iSAMS really gives decides how many there are."""
    hidden = [one for one in answers.records.get("sets", []) if isinstance(one, dict) and is_hidden(one)]
    return Size(
        page_size=answers.page_size,
        students=answers.totals["students"],
        applicants=answers.totals.get("applicants", 0),
        leavers=answers.totals.get("leavers", 0),
        contacts=answers.totals.get("contacts", 0),
        year_groups=answers.totals.get("year groups", 0),
        sets=answers.totals.get("sets", 0) - len(hidden),
        staff=answers.totals.get("employees"),
    )


def _costs(school: IsamsSchool, size: Size) -> list[Found]:
    """What an hour costs, and what is asked for at once: an area of more than an hour has room for is never read."""
    cost, ceiling = requests_per_hour(school, size), school.max_requests_per_hour
    text = f"about {cost:.0f}, of at most {ceiling}"
    hourly = Found("requests per hour", State.OK, text)
    if cost > ceiling:
        longer = f"set poll_seconds above {school.poll_seconds}, or max_requests_per_hour to {cost:.0f}"
        words = f"{text}: sweeps will wait for the next hour; {longer}"
        hourly = Found("requests per hour", State.DEGRADED, words)
    found = [hourly]
    if (needed := sweep_requests(size)) > ceiling:
        words = f"one sweep takes {needed} requests, and an hour has {ceiling}: it never ends"
        found.append(Found("students: requests", State.FAILED, f"{words}; set max_requests_per_hour above {needed}"))
    for area in at_once(school, size):
        words = f"{area.requests} requests at once, and of {ceiling} an hour {max(area.room, 0)} are left for them"
        fix = f"set max_requests_per_hour to {area.needed} or more"
        text = with_loss(f"{words}, so that they are never read", LOSES.get(area.what, ""))
        found.append(Found(f"{area.what}: requests", State.DEGRADED, f"{text}; {fix}"))
    return found
