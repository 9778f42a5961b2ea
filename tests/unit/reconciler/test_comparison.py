"""A lane whose e-mails an earlier release compared in another way: what it has is found, and nobody is new or gone."""

from pathlib import Path

import msgspec
import pytest

from services.reconciler import keys
from services.reconciler.messages import account_state
from shared.contract.account_state import AccountState, LaneState
from shared.contract.codec import decoder, encode
from shared.contract.email import COMPARISON
from shared.contract.events import StudentFetched
from shared.contract.topics import SYNC_REQUESTS
from tests.harness.builders import SCHOOL, a_student, a_sweep
from tests.harness.pipeline import LANE, Road, a_config

A, B, C = "3050000001", "3050000002", "3050000003"
NFC, NFD = "jos\u00e9@abbey.example", "jose\u0301@abbey.example"
OTHERS = [a_student(str(3050000004 + n)) for n in range(8)]


def lane_of(road: Road) -> LaneState:
    state: LaneState = decoder(LaneState).decode(road.store.records[LANE])
    return state


def as_before(road: Road) -> None:
    """Redis as an earlier release left it: each index by ``strip().casefold()``, no word of the comparison."""
    hashes = road.store.hashes[LANE]
    students = [decoder(AccountState).decode(value) for value in hashes[keys.students(SCHOOL)].values()]
    hashes[keys.emails(SCHOOL)] = {
        one.details.email.strip().casefold(): one.student_id.encode()
        for one in students
        if one.status == "enabled" and one.details is not None
    }
    road.store.sizes[LANE][keys.emails(SCHOOL)] = len(hashes[keys.emails(SCHOOL)])
    road.store.records[LANE] = encode(msgspec.structs.replace(lane_of(road), comparison=0))
    road.start()


def tell(road: Road, state: AccountState) -> None:
    """In Redis and in account-state, as an earlier release had it."""
    road.store.hashes[LANE][keys.students(SCHOOL)][state.student_id] = encode(state)
    road.out.publish([account_state(LANE, state, encode(state))])


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """An earlier release's: A is José, in NFD."""
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", [a_student(A, email=NFD), a_student(B), *OTHERS], full=True))
    road.run()
    as_before(road)
    return road


def test_a_joiner_with_the_same_address_in_another_form_waits_for_its_holder(road: Road) -> None:
    """Fails where the index of the earlier release is asked by today's key: the holder would not be found."""
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(C, email=NFC)), 5)
    road.run()
    joiner = road.account(C)
    assert joiner is not None
    assert (joiner.status, joiner.waits_for_email) == ("none", NFC)
    assert lane_of(road).comparison == COMPARISON


def test_the_first_sweep_after_the_upgrade_changes_nothing(road: Road) -> None:
    before = road.kinds()
    assert road.kinds().count("AccountProvisioned") == 10
    road.fetch(a_sweep("s2", [a_student(A, email=NFC), a_student(B), *OTHERS], full=True, minutes=30), 30)
    road.run()
    more = road.kinds()[len(before) :]
    assert set(more) <= {"AccountUpdated", "SweepReconciled"}
    account = road.account(A)
    assert account is not None
    assert account.details is not None
    assert (account.status, account.details.email, account.email_change) == ("enabled", NFC, None)


def test_a_lane_is_made_anew_once_and_its_schools_are_read_in_full(road: Road) -> None:
    assert lane_of(road).comparison == 0
    for n, day in enumerate(("s2", "s3")):
        road.fetch(
            a_sweep(day, [a_student(A, email=NFC), a_student(B), *OTHERS], full=True, minutes=30 * n + 30), 30 * n + 30
        )
        road.run()
    assert len([one for one in road.out.of(SYNC_REQUESTS) if b"was rebuilt" in (one.value or b"")]) == 1


def test_who_waits_for_an_address_goes_on_waiting_for_it(tmp_path: Path) -> None:
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", [a_student(A, email=NFC), a_student(B, email=NFC.upper()), *OTHERS], full=True))
    road.run()
    waiter = road.account(B)
    assert waiter is not None
    tell(road, msgspec.structs.replace(waiter, waits_for_email=NFD))
    as_before(road)
    road.read_one(StudentFetched(school=SCHOOL, student=a_student(A, email="a@abbey.example")), 5)
    road.run()
    found = road.account(B)
    assert found is not None
    assert found.status == "enabled"


def test_two_who_are_one_address_now_both_keep_their_accounts(tmp_path: Path) -> None:
    """Two people by the earlier comparison: neither is disabled, and their records go on being taken."""
    road = Road(a_config(tmp_path))
    road.fetch(a_sweep("s1", [a_student(A, email=NFC), a_student(B), *OTHERS], full=True))
    road.run()
    state = road.account(B)
    assert state is not None
    assert state.details is not None
    twin = msgspec.structs.replace(state, details=msgspec.structs.replace(state.details, email=NFD))
    tell(road, twin)
    as_before(road)
    people = [a_student(A, email=NFC), a_student(B, email=NFC, last_name="Moss"), *OTHERS]
    road.fetch(a_sweep("s2", people, full=True, minutes=30), 30)
    road.run()
    accounts = [road.account(A), road.account(B)]
    assert [one.status for one in accounts if one] == ["enabled", "enabled"]
    second = accounts[1]
    assert second is not None
    assert second.details is not None
    assert second.details.last_name == "Moss"
    assert "AccountDisabled" not in road.kinds()
