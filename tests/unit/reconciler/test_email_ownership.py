"""One e-mail is one account's: who keeps it, who waits, and who gets it next (DESIGN §6, the table's last row)."""

from pathlib import Path
from typing import Any

import pytest

from shared.contract.account_state import AccountState
from shared.contract.codec import decoder
from shared.contract.events import AccountDisabled, AccountProvisioned, AccountUpdated, StudentFetched
from shared.contract.model import Student
from tests.harness.builders import SCHOOL, a_leaver, a_student, a_sweep
from tests.harness.pipeline import LANE, Road, a_config

A, B, C, D, RIVAL, SECOND = (str(3050000001 + n) for n in range(6))
FREE = "free@abbey.example"
OTHERS = [a_student(str(3060000000 + n)) for n in range(6)]  # so that half of the school is more than a few
HERE = [a_student(one) for one in (A, B, C, D)] + OTHERS


@pytest.fixture(params=[1, 10_000], ids=["one by one", "in one batch"])
def batch(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def road(tmp_path: Path) -> Road:
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", HERE, full=True))
    road.run()
    return road


def of(student: str) -> str:
    return f"s{student}@abbey.example"


def with_email(student: str, email: str | None, **fields: Any) -> Student:
    return a_student(student, email=email, **fields)


def read(road: Road, *people: Student, minutes: float = 5, batch: int = 10_000) -> None:
    """Each is read by itself, one after the other."""
    for one in people:
        road.read_one(StudentFetched(school=SCHOOL, student=one), minutes=minutes)
    road.run(batch)


def account(road: Road, student: str) -> AccountState:
    state = road.account(student)
    assert state is not None
    return state


def email(road: Road, student: str) -> str | None:
    state = account(road, student)
    return state.details.email if state.details is not None and state.status == "enabled" else None


def waiting(road: Road) -> dict[str, tuple[str, ...]]:
    found = road.store.hashes[LANE].get(f"waiting:{SCHOOL}", {})
    return {address: decoder(tuple[str, ...]).decode(value) for address, value in found.items()}  # type: ignore[arg-type]


def told(road: Road, since: int) -> list[tuple[str, str]]:
    """Who was told what, in order."""
    return [(type(event).__name__, getattr(event, "student_id", "")) for event in road.changes()[since:]]


def everyone_has_their_own(road: Road) -> bool:
    held = [found.strip().casefold() for one in road.enabled() if (found := email(road, one))]
    return len(held) == len(set(held)) == len(road.enabled())


# --- who keeps it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", [of(A), f" {of(A)} ", of(A).upper(), of(A).title()])
def test_who_has_it_keeps_it_and_the_other_waits(road: Road, spelling: str, batch: int) -> None:
    before = len(road.changes())
    read(road, with_email(RIVAL, spelling), batch=batch)
    assert told(road, before) == []
    rival = account(road, RIVAL)
    assert (rival.status, rival.waits_for_email) == ("none", of(A))
    assert rival.assessment is not None, "it is explained, and decided again from here"
    assert (email(road, A), waiting(road)) == (of(A), {of(A): (RIVAL,)})


def test_an_account_that_wants_anothers_keeps_its_own_and_all_else_goes_on(road: Road, batch: int) -> None:
    read(road, with_email(B, of(A), last_name="Moss", modules=("Y10-ENG",)), batch=batch)
    state = account(road, B)
    assert (state.status, email(road, B), state.waits_for_email) == ("enabled", of(B), of(A))
    assert state.details is not None
    assert state.details.last_name == "Moss"
    assert state.unenrol is not None


def test_who_waits_for_an_email_can_leave(road: Road, batch: int) -> None:
    read(road, with_email(B, of(A)), a_leaver(B, email=of(A)), batch=batch)
    state = account(road, B)
    assert (state.waits_for_email, state.staged is not None) == (None, True)


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(with_email(A, None), id="a slip: its e-mail is blanked"),
        pytest.param(with_email(A, "no e-mail"), id="a slip: it is none any more"),
        pytest.param(a_leaver(A), id="left, and the sweep is not certified yet"),
        pytest.param(a_student(A, system_status=0, admission_status="Accepted", email=None), id="prospective"),
        pytest.param(a_student(A, last_name="Moss"), id="another surname"),
    ],
)
def test_what_does_not_change_the_account_frees_nothing(road: Road, holder: Student, batch: int) -> None:
    read(road, with_email(RIVAL, of(A)), holder, batch=batch)
    assert email(road, A) == of(A)
    assert account(road, RIVAL).status == "none"


def test_who_wants_something_else_waits_no_more(road: Road, batch: int) -> None:
    read(road, with_email(RIVAL, of(A)), with_email(SECOND, of(A)), with_email(RIVAL, FREE), batch=batch)
    assert email(road, RIVAL) == FREE
    assert waiting(road) == {of(A): (SECOND,)}


def test_who_waits_for_another_than_before_waits_for_that_alone(road: Road, batch: int) -> None:
    read(road, with_email(RIVAL, of(A)), with_email(RIVAL, of(B)), batch=batch)
    assert waiting(road) == {of(B): (RIVAL,)}


@pytest.mark.parametrize("record", [with_email(RIVAL, None), a_leaver(RIVAL, email=of(A))])
def test_who_is_to_have_no_account_waits_no_more(road: Road, record: Student, batch: int) -> None:
    read(road, with_email(RIVAL, of(A)), record, with_email(A, FREE), batch=batch)
    assert (account(road, RIVAL).status, waiting(road)) == ("none", {})


# --- who gets it next -----------------------------------------------------------------------------------------------


def test_a_holder_who_changes_gives_it_to_the_one_who_waits(road: Road, batch: int) -> None:
    read(road, with_email(RIVAL, of(A)), batch=batch)
    before = len(road.changes())
    read(road, with_email(A, FREE), batch=batch)
    assert told(road, before)[:2] == [("AccountUpdated", A), ("AccountProvisioned", RIVAL)], "the holder's first"
    assert (email(road, A), email(road, RIVAL), waiting(road)) == (FREE, of(A), {})
    assert account(road, RIVAL).version == account(road, A).version == len(road.lane) - 1


@pytest.mark.parametrize("order", [(RIVAL, SECOND), (SECOND, RIVAL)])
def test_one_of_two_who_wait_gets_it_and_the_other_waits_on(road: Road, order: tuple[str, str], batch: int) -> None:
    read(road, *[with_email(one, of(A)) for one in order], with_email(A, FREE), batch=batch)
    assert email(road, RIVAL) == of(A), "by id: so whoever rebuilds it comes to the same"
    assert waiting(road) == {of(A): (SECOND,)}
    read(road, with_email(RIVAL, "other@abbey.example"), batch=batch)
    assert (email(road, SECOND), waiting(road)) == (of(A), {})


def test_a_chain_moves_up_in_one_step(road: Road, batch: int) -> None:
    """A wants B's, B wants C's, C wants D's; D takes a free one."""
    chain = {A: of(B), B: of(C), C: of(D)}
    read(road, *[with_email(one, wanted) for one, wanted in chain.items()], batch=batch)
    assert [email(road, one) for one in (A, B, C, D)] == [of(A), of(B), of(C), of(D)]
    before = len(road.changes())
    read(road, with_email(D, FREE), batch=batch)
    assert told(road, before) == [("AccountUpdated", one) for one in (D, C, B, A)]
    assert [email(road, one) for one in (A, B, C, D)] == [of(B), of(C), of(D), FREE]
    assert waiting(road) == {}


def test_the_end_of_a_chain_is_free_for_whoever_comes(road: Road, batch: int) -> None:
    read(road, with_email(A, of(B)), with_email(B, FREE), with_email(RIVAL, of(A)), batch=batch)
    assert [email(road, one) for one in (A, B, RIVAL)] == [of(B), FREE, of(A)]


def test_two_who_want_each_others_exchange_them(road: Road, batch: int) -> None:
    read(road, with_email(A, of(B)), batch=batch)
    before = len(road.changes())
    read(road, with_email(B, of(A)), batch=batch)
    assert told(road, before) == [("AccountUpdated", B), ("AccountUpdated", A)]
    assert [email(road, A), email(road, B), waiting(road)] == [of(B), of(A), {}]
    assert everyone_has_their_own(road)


def test_an_exchange_in_other_spellings_is_one_too(road: Road, batch: int) -> None:
    read(road, with_email(A, of(B).upper()), with_email(B, f" {of(A).title()}"), batch=batch)
    assert [email(road, A), email(road, B)] == [of(B).upper(), of(A).title()]


def test_a_third_who_waits_goes_on_waiting_through_an_exchange(road: Road, batch: int) -> None:
    read(road, with_email(RIVAL, of(A)), with_email(A, of(B)), with_email(B, of(A)), batch=batch)
    assert [email(road, A), email(road, B)] == [of(B), of(A)]
    assert (account(road, RIVAL).status, waiting(road)) == ("none", {of(A): (RIVAL,)})


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("last", [0, 1, -1])
def test_as_many_as_want_each_others_in_a_ring_exchange_them(road: Road, size: int, last: int, batch: int) -> None:
    ring = (A, B, C, D)[:size]
    wants = {one: of(ring[(n + 1) % size]) for n, one in enumerate(ring)}
    order = [one for one in ring if one != ring[last]] + [ring[last]]
    read(road, *[with_email(one, wants[one]) for one in order[:-1]], batch=batch)
    assert [email(road, one) for one in ring] == [of(one) for one in ring], "each keeps their own until all are there"
    before = len(road.changes())
    read(road, with_email(order[-1], wants[order[-1]]), batch=batch)
    assert {one: email(road, one) for one in ring} == wants
    assert waiting(road) == {}
    assert everyone_has_their_own(road)
    assert len({account(road, one).version for one in ring}) == 1, "in one step"
    assert sorted(told(road, before)) == [("AccountUpdated", one) for one in ring]


def test_a_ring_that_somebody_leads_into_is_not_theirs(road: Road, batch: int) -> None:
    """D wants A's; A and B could exchange. D has nothing that either wants."""
    read(road, with_email(A, of(B)), with_email(D, of(A)), batch=batch)
    assert [email(road, one) for one in (A, B, D)] == [of(A), of(B), of(D)]
    read(road, with_email(B, of(A)), batch=batch)
    assert [email(road, one) for one in (A, B, D)] == [of(B), of(A), of(D)]
    assert waiting(road) == {of(A): (D,)}


def test_a_ring_with_somebody_who_has_vanished_waits(road: Road, batch: int) -> None:
    read(road, with_email(A, of(B)), with_email(B, of(C)), batch=batch)
    road.fetch(a_sweep("s2", [with_email(B, of(C)), *HERE[2:]], sends=[], minutes=10))
    road.run()
    read(road, with_email(C, of(A)), minutes=15, batch=batch)
    assert [email(road, one) for one in (A, B, C)] == [of(A), of(B), of(C)]
    read(road, with_email(A, of(B), phone="07700 900001"), minutes=20, batch=batch)
    assert [email(road, one) for one in (A, B, C)] == [of(B), of(C), of(A)], "seen again"


def test_a_joiner_is_no_part_of_a_ring(road: Road, batch: int) -> None:
    """They have no e-mail that anybody could want."""
    read(road, with_email(A, of(B)), with_email(B, f"s{RIVAL}@abbey.example"), batch=batch)
    read(road, with_email(A, of(B)), with_email(RIVAL, of(A)), batch=batch)
    assert everyone_has_their_own(road)
    assert email(road, RIVAL) == of(A)


def test_an_account_whose_record_is_somebody_elses_exchanges_nothing(road: Road, batch: int) -> None:
    born = with_email(B, of(B), date_of_birth="2010-03-04")
    read(road, born, with_email(A, of(B)), batch=batch)
    stranger = with_email(B, of(A), first_name="Omar", last_name="Vale", date_of_birth="2015-01-01")
    read(road, stranger, batch=batch)
    assert [email(road, A), email(road, B)] == [of(A), of(B)]
    assert waiting(road) == {of(B): (A,)}


# --- at a close -----------------------------------------------------------------------------------------------------


def test_a_holder_who_is_disabled_at_the_close_frees_it(road: Road, batch: int) -> None:
    rival = with_email(RIVAL, of(A))
    read(road, rival, batch=batch)
    before = len(road.changes())
    road.fetch(a_sweep("s2", [*HERE[1:], rival], sends=[a_leaver(A)], minutes=10), minutes=10)
    road.run(batch)
    events = told(road, before)
    assert events[:2] == [("AccountDisabled", A), ("AccountProvisioned", RIVAL)]
    assert (email(road, RIVAL), waiting(road)) == (of(A), {})
    disabled = next(event for event in road.changes() if isinstance(event, AccountDisabled))
    provisioned = next(
        event for event in road.changes() if isinstance(event, AccountProvisioned) and event.student_id == RIVAL
    )
    assert disabled.version == provisioned.version


def test_a_whole_chain_moves_up_at_the_close(road: Road, batch: int) -> None:
    people = [with_email(B, of(A)), with_email(C, of(B)), HERE[3]]
    read(road, *people[:2], batch=batch)
    road.fetch(a_sweep("s2", people, sends=[a_leaver(A)], minutes=10), minutes=10)
    road.run(batch)
    assert [email(road, one) for one in (B, C)] == [of(A), of(B)]


@pytest.mark.parametrize("full", [False, True])
def test_a_waiter_who_has_vanished_is_not_provisioned(road: Road, full: bool, batch: int) -> None:
    """Read once, and in no certified roll since: nobody says that they are at the school."""
    read(road, with_email(RIVAL, of(A)), batch=batch)
    sends = [a_leaver(A)] + (HERE[1:] if full else [])
    road.fetch(a_sweep("s2", HERE[1:], sends=sends, minutes=10, full=full), minutes=10)
    road.run(batch)
    assert email(road, A) is None
    assert account(road, RIVAL).status == "none"


def test_nor_later_when_the_holder_changes(road: Road, batch: int) -> None:
    read(road, with_email(RIVAL, of(A)), batch=batch)
    road.fetch(a_sweep("s2", HERE, sends=[], with_roll=False, minutes=10))
    road.run(batch)
    read(road, with_email(A, FREE), minutes=15, batch=batch)
    assert account(road, RIVAL).status == "none"


def test_the_next_who_waits_and_is_here_gets_it_instead(road: Road, batch: int) -> None:
    second = with_email(SECOND, of(A))
    read(road, with_email(RIVAL, of(A)), second, batch=batch)
    road.fetch(a_sweep("s2", [*HERE[1:], second], sends=[a_leaver(A)], minutes=10), minutes=10)
    road.run(batch)
    assert (account(road, RIVAL).status, email(road, SECOND)) == ("none", of(A))


def test_a_vanished_one_does_not_exchange(road: Road, batch: int) -> None:
    """A is absent from a certified roll and may be gone: B must not be moved to what A then no longer has."""
    read(road, with_email(A, of(B)), batch=batch)
    road.fetch(a_sweep("s2", HERE[1:], sends=[], minutes=10))
    road.run(batch)
    read(road, with_email(B, of(A)), minutes=15, batch=batch)
    assert [email(road, A), email(road, B)] == [of(A), of(B)]
    assert account(road, A).absence is not None


def test_deciding_again_is_no_reading(road: Road, batch: int) -> None:
    """Who gets an e-mail from a kept record was not seen: the record keeps its own time and digest."""
    read(road, with_email(B, of(A)), minutes=5, batch=batch)
    before = account(road, B)
    read(road, with_email(A, FREE), minutes=20, batch=batch)
    after = account(road, B)
    assert (after.read_at, after.digest, after.assessed) == (before.read_at, before.digest, before.assessed)
    assert after.offset == after.version == len(road.lane) - 1


def test_the_same_record_again_changes_nothing_once_it_has_its_email(road: Road, batch: int) -> None:
    read(road, with_email(B, of(A)), with_email(A, FREE), batch=batch)
    before, state = len(road.changes()), account(road, B)
    read(road, with_email(B, of(A)), minutes=20, batch=batch)
    assert (len(road.changes()), account(road, B)) == (before, state)


def test_who_comes_back_to_a_taken_email_waits_disabled(road: Road, batch: int) -> None:
    rival = with_email(RIVAL, of(A))
    road.fetch(a_sweep("s2", [*HERE[1:], rival], sends=[a_leaver(A), rival], minutes=10), minutes=10)
    road.run(batch)
    assert email(road, RIVAL) == of(A)
    road.fetch(a_sweep("s3", [*HERE, rival], sends=[HERE[0]], minutes=20), minutes=20)
    road.run(batch)
    assert (account(road, A).status, account(road, A).waits_for_email) == ("disabled", of(A))
    read(road, with_email(RIVAL, FREE), minutes=30, batch=batch)
    assert (email(road, A), email(road, RIVAL)) == (of(A), FREE)


def test_an_email_of_ones_own_in_another_spelling_is_an_update(road: Road, batch: int) -> None:
    before = len(road.changes())
    read(road, with_email(A, of(A).upper()), batch=batch)
    (update,) = road.changes()[before:]
    assert isinstance(update, AccountUpdated)
    assert update.fields == ("email",)
    assert road.store.hashes[LANE][f"emails:{SCHOOL}"][of(A)] == A.encode()


def test_schools_of_one_lane_do_not_share_emails(tmp_path: Path) -> None:
    road = Road(a_config(tmp_path, schools=("abbey", "priory")))
    for school in ("abbey", "priory"):
        road.fetch(a_sweep("s1", [a_student(A)], school=school))
    road.run()
    assert road.enabled("abbey") == road.enabled("priory") == {A}
