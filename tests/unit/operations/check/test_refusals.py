"""What a sweep could not take is nothing that `rollcall check` calls fine: each refusal, by a lever of the twin."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.fetcher.isams.rate_limit import STUDENTS_SHARE, Politeness
from services.operations.check import findings
from services.operations.check.answer import check
from services.operations.check.cost import Size, at_once, sweep_requests
from services.operations.check.findings import Finding, of_isams
from services.operations.check.sample import State
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import Server
from services.sandbox.twin_client import IsamsTwin
from shared.config.load import load
from tests.unit.fetcher.world import settings

STUDENTS, SETS, RICHER = "/api/students", "/api/teaching/sets", "/api/admissions/applicants/students"
FORBIDDEN = "You are not authorised to make this request."


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(isams_app()).start()
    yield server
    server.stop()


@pytest.fixture
def twin(server: Server) -> Iterator[IsamsTwin]:
    with IsamsTwin(server.url, "abbey") as twin:
        twin.load(
            msgspec.to_builtins(make_school("abbey", 60, 1), str_keys=True),
            client_id="made-up",
            client_secret="made-up",
        )
        yield twin
        twin.clear_faults()


@pytest.fixture(autouse=True)
def nobody_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    async def rest(self: Politeness, seconds: float) -> None:
        """What is tried again is tried at once."""

    monkeypatch.setattr(Politeness, "rest", rest)


async def of_twin(twin: IsamsTwin, *, has_staff: bool = False, **changes: Any) -> dict[str, Finding]:
    found = await of_isams("abbey", settings(**{"base_url": twin.base_url} | changes), has_staff=has_staff)
    assert len({one.what for one in found}) == len(found)
    return {one.what: one for one in found}


def worst(found: dict[str, Finding]) -> State:
    return max(one.state for one in found.values())


# --- pages -------------------------------------------------------------------------------------------------------


async def test_a_page_size_that_the_server_refuses_stops_every_sweep(twin: IsamsTwin) -> None:
    twin.settings(max_page_size=500, over_page_size="refuse")
    found = await of_twin(twin, has_staff=True)
    one = found["students: page size"]
    assert one.state is State.FAILED
    assert "status 400 (tag" in one.message
    assert '(it says: "The request is invalid.")' in one.message
    assert one.fix == "set page_size = 100"
    assert found["students"].message == "readable: 60"
    assert {found[f"{area}: page size"].state for area in ("leavers", "contacts", "employees")} == {State.DEGRADED}
    assert worst(await of_twin(twin, page_size=500)) is State.OK


async def test_a_server_that_gives_fewer_than_asked_for_is_fine(twin: IsamsTwin) -> None:
    twin.settings(max_page_size=20)
    found = await of_twin(twin)
    assert worst(found) is State.OK
    assert not [what for what in found if "page size" in what]


async def test_a_list_that_declares_no_total_is_never_certified(twin: IsamsTwin) -> None:
    twin.settings(total_count=False)
    found = await of_twin(twin)
    assert found["students"].state is State.FAILED
    assert "does not declare how many are in it" in found["students"].message


async def test_a_page_that_has_other_than_it_declares_is_told(twin: IsamsTwin) -> None:
    twin.fault({"kind": "short_page", "path": STUDENTS})
    assert (await of_twin(twin))["students"].state is State.FAILED


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "what", "state"), [(STUDENTS, "students", State.FAILED), (SETS, "sets", State.DEGRADED)]
)
@pytest.mark.parametrize("status", [200, 401, 403])
async def test_a_refusal_is_one_whatever_its_status_and_is_told_in_the_servers_words(
    twin: IsamsTwin, path: str, what: str, state: State, status: int
) -> None:
    twin.fault({"kind": "status", "status": status, "path": path, "text": "not authorised; ask  Jane\x1b[31m"})
    one = (await of_twin(twin))[what]
    assert one.state is state
    assert '(it says: "not authorised, ask Jane\N{REPLACEMENT CHARACTER}[31m")' in one.message
    assert "give this client the permission" in one.fix


async def test_nobody_at_all_cannot_sync(twin: IsamsTwin) -> None:
    twin.fault({"kind": "empty_list", "path": STUDENTS})
    one = (await of_twin(twin))["students"]
    assert one.state is State.FAILED
    assert one.message.startswith("the list of students is empty")
    assert "base_url" in one.fix


@pytest.mark.parametrize(
    ("path", "what", "has_staff"),
    [("/api/school/yeargroups", "year groups", False), ("/api/humanresources/employees", "employees", True)],
)
async def test_a_list_that_is_never_empty_is_degraded_when_it_is(
    twin: IsamsTwin, path: str, what: str, has_staff: bool
) -> None:
    twin.fault({"kind": "empty_list", "path": path})
    one = (await of_twin(twin, has_staff=has_staff))[what]
    assert (one.state, "is empty" in one.message) == (State.DEGRADED, True)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        pytest.param("<html><title>Access denied</title>x</html>", "text/html", "Access denied", id="a page"),
        pytest.param("<html><body>no title</body></html>", "text/plain", "", id="a page under another name"),
        pytest.param("error code: 1010", "text/plain", "error code: 1010", id="a line"),
        pytest.param("blocked", "application/json", "blocked", id="a line under JSON's name"),
    ],
)
@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/auth/connect/token", "token"),
        (STUDENTS, "students"),
        (SETS, "sets"),
        ("/api/students/*/photos/current", "photos"),
        ("/api/gradebooks/*", "gradebooks"),
    ],
)
async def test_an_edges_no_is_no_missing_permission(
    twin: IsamsTwin, path: str, what: str, text: str, kind: str, said: str, status: int
) -> None:
    twin.settings(gradebooks_path="/api/gradebooks/{schoolId}")
    twin.fault({"kind": "edge", "status": status, "content_type": kind, "text": text, "path": path})
    one = (await of_twin(twin, gradebooks_path="/api/gradebooks/{schoolId}"))[what]
    assert one.state is not State.OK
    assert one.message.startswith("something before iSAMS (a proxy or an edge) refuses")
    assert (f'it says: "{said}"' in one.message) is bool(said)
    assert one.fix == "ask the school to let this machine's address in"


async def test_a_refusal_without_a_word_is_the_servers_own(twin: IsamsTwin) -> None:
    twin.fault({"kind": "edge", "content_type": "text/plain", "text": "", "path": STUDENTS})
    one = (await of_twin(twin))["students"]
    assert "give this client the permission Student Manager" in one.fix


@pytest.mark.parametrize("text", ['{"message": "not authorised"}', "<html>sign in</html>"])
async def test_what_is_no_picture_is_no_photo(twin: IsamsTwin, text: str) -> None:
    twin.fault({"kind": "edge", "status": 200, "text": text, "path": "/api/students/*/photos/current"})
    one = (await of_twin(twin))["photos"]
    assert (one.state, "neither JPEG nor PNG nor GIF" in one.message) == (State.DEGRADED, True)


async def test_gradebooks_refused_with_200_are_refused(twin: IsamsTwin) -> None:
    twin.settings(gradebooks_path="/api/gradebooks/{schoolId}")
    twin.fault({"kind": "status", "status": 200, "path": "/api/gradebooks/*", "text": FORBIDDEN})
    one = (await of_twin(twin, gradebooks_path="/api/gradebooks/{schoolId}"))["gradebooks"]
    assert (one.state, FORBIDDEN in one.message, "Gradebooks (Read)" in one.fix) == (State.DEGRADED, True, True)


async def test_our_own_secret_is_not_told_though_the_server_says_it(twin: IsamsTwin) -> None:
    twin.fault({"kind": "status", "status": 400, "path": "/auth/connect/token", "text": "no client made-up here"})
    one = (await of_twin(twin))["token"]
    assert "no client … here" in one.message


# --- applicants --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_richer_list_of_applicants_that_the_server_has_not_leaves_the_older_one(
    twin: IsamsTwin, status: int
) -> None:
    twin.settings(applicant_lists=["applicants"], absent_applicants_status=status)
    one = (await of_twin(twin))["applicants"]
    assert (one.state, one.message != "readable: 0") == (State.OK, True)
    twin.fault({"kind": "status", "status": status, "path": "/api/admissions/*"})
    assert (await of_twin(twin))["applicants"].state is State.DEGRADED


# --- the allowance -----------------------------------------------------------------------------------------------

SIZE = Size(page_size=1000, students=1500, applicants=70, leavers=60, contacts=1500, year_groups=7, sets=300)


@pytest.mark.parametrize(
    ("ceiling", "areas"),
    [
        pytest.param(100, {"sets": 300}, id="300 sets at 100 an hour"),
        pytest.param(432, {"sets": 300}, id="one too few"),
        pytest.param(433, {}, id="just enough"),
    ],
)
def test_an_area_of_more_than_an_hour_has_left_is_never_read(ceiling: int, areas: dict[str, int]) -> None:
    found = at_once(settings(max_requests_per_hour=ceiling), SIZE)
    assert {one.what: one.requests for one in found} == areas
    for one in found:
        assert one.needed == 433
        assert one.needed - one.needed // STUDENTS_SHARE - 25 >= one.requests


def test_long_lists_are_counted_as_they_are_asked_for() -> None:
    size = Size(page_size=20, students=100, applicants=70, leavers=2000, contacts=1500)
    found = {one.what: one.requests for one in at_once(settings(max_requests_per_hour=160), size)}
    assert found == {"leavers": 99, "contacts": 74}
    assert sweep_requests(size) == 6


async def test_what_can_never_be_read_is_told_with_the_ceiling_that_would_do(twin: IsamsTwin) -> None:
    sets = twin.dump()["sets"]
    found = await of_twin(twin, max_requests_per_hour=len(sets))
    one = found["sets: requests"]
    assert one.state is State.DEGRADED
    assert f"{len(sets)} requests at once" in one.message
    assert one.message.endswith("nobody is enrolled into modules")
    needed = int(one.fix.split()[3])
    assert "sets: requests" not in await of_twin(twin, max_requests_per_hour=needed)
    assert "sets: requests" in await of_twin(twin, max_requests_per_hour=needed - 1)


async def test_a_sweep_of_more_than_an_hour_cannot_sync(twin: IsamsTwin) -> None:
    found = await of_twin(twin, max_requests_per_hour=3, page_size=20)
    assert found["students: requests"].state is State.FAILED
    assert found["students: requests"].fix == "set max_requests_per_hour above 4"


# --- the verb ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        pytest.param(
            {"kind": "status", "status": 200, "path": STUDENTS, "text": "not authorised"},
            2,
            "not authorised",
            id="a message",
        ),
        pytest.param({"kind": "empty_list", "path": STUDENTS}, 2, "is empty", id="nobody"),
        pytest.param({"kind": "edge", "path": STUDENTS}, 2, "a proxy or an edge", id="an edge"),
        pytest.param({"kind": "status", "status": 500, "path": RICHER}, 0, "fine", id="the richer list alone"),
    ],
)
async def test_the_verdict_is_the_worst_of_it(
    twin: IsamsTwin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], code: int, words: str
) -> None:
    (tmp_path / "secret").write_text("made-up")
    path = tmp_path / "rollcall.toml"
    path.write_text(
        '[tenants.abbey]\napi_key = { file = "secret" }\n[schools.abbey]\ntenant = "abbey"\nsource = "isams"\n'
        f'base_url = "{twin.base_url}"\nclient_id = "made-up"\nclient_secret = {{ file = "secret" }}\n'
    )
    for name in ("of_kafka", "of_redis"):
        monkeypatch.setattr(findings, name, lambda config: [])
    twin.fault(fault)
    found = await asyncio.to_thread(check, load(path, {}), ["abbey"], {})  # it has a loop of its own
    told = [found.verdict, *(f"{one.message} {one.fix}" for one in found.findings)]
    assert (int(found.worst), any(words in one for one in told)) == (code, True), told
    assert found.as_dict()["verdict"] == found.verdict
