"""What came of a request, and what a person must do before all of it is at Unitu."""

import pytest

from services.operations.requests.model import HeldBriefly, RequestDelivery, State
from services.operations.requests.outcome import outcome_of, waits_for
from shared.contract.account_state import AccountState, StagedDisable
from shared.contract.populations import book_of
from shared.contract.tenant_state import Reason
from tests.unit.operations.requests.test_progress import ADA, World, updated

SENT = RequestDelivery("abbey", "live", "accepted", 7)
HELD = HeldBriefly(kind="nulled_column", hash="h", count=35, words="35 students would lose what: phone emptied")


def test_what_a_sync_waits_for_is_not_called_a_removal() -> None:
    (line,) = waits_for("abbey", [HELD], SENT)
    assert line == "35 students would lose what: phone emptied (nulled_column): held, see rollcall holds show abbey"
    (line,) = waits_for(book_of("abbey", "staff"), [HELD], SENT)
    assert line.endswith("see rollcall holds show abbey --staff")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("paused", ('tenant abbey is paused and sends nothing: set mode = "live" or "dry-run"',)),
        ("held", ("tenant abbey is held: 3 are missing: rollcall tenant show abbey",)),
        ("undelivered", ("changed e-mails wait for a release: rollcall tenant show abbey",)),
        *((state, ()) for state in ("accepted", "simulated", "nothing_to_send")),
    ],
)
def test_a_tenant_that_does_not_send_is_something_to_do(state: State, words: tuple[str, ...]) -> None:
    delivery = RequestDelivery("abbey", "live", state, reasons=(Reason(code="below_last", message="3 are missing"),))
    assert waits_for("abbey", (), delivery) == words


def test_a_whole_school_is_told_by_its_close() -> None:
    world = World()
    world.starts("s1", 11)
    world.tell("account-changes", updated(60), key=f"abbey/{ADA}", sweep="s1")
    world.closes("s1", "certified")
    told = outcome_of(world.progress, 0, SENT, (), None)
    assert (told.school, told.people, told.student_id, told.sweep) == ("abbey", "students", None, "s1")
    assert told.counts == {"account_updated": 1}
    assert [one.student_id for one in told.changes] == [ADA]
    assert (told.verdict, told.is_staged, told.is_paused, told.held, told.waits_for) == (None, False, False, (), ())


@pytest.mark.parametrize("staged", [None, StagedDisable(digest="00", offset=3)])
def test_one_student_is_told_with_what_is_staged(staged: StagedDisable | None) -> None:
    account = AccountState(school="abbey", student_id=ADA, offset=3, staged=staged)
    told = outcome_of(World(ADA).progress, 0, SENT, (), account)
    assert (told.student_id, told.is_staged) == (ADA, staged is not None)
