"""What Unitu has of a tenant's structure: new, told, confirmed; whoever is blocked stays blocked until then."""

from pathlib import Path

import pytest

from services.publisher.decisions import Outdated
from services.publisher.structure_ledger import (
    LISTS,
    MOST,
    Ledger,
    TooManyEntities,
    after_acceptance,
    confirmed_in,
    confirming,
    ledger_of,
)
from shared import failpoints
from shared.config.load import load
from shared.contract.account_state import StructureState
from shared.contract.codec import decoder, encode
from shared.contract.deliveries import Report, SnapshotAccepted
from shared.contract.entities import KnownEntity
from shared.contract.model import Programme, Structure
from shared.contract.tenant_state import Seat, TenantState
from tests.unit.publisher.world import World, a_config, a_structure, an_account


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two students of Year 10, whose first snapshot has gone to a Unitu that has no entity."""
    world = World(a_config(tmp_path))
    world.tell(a_structure(codes=("Y10",)))
    world.tell_school(an_account("1", modules=()), an_account("2", modules=()))
    world.adopt()
    world.work()
    return world


def newest(world: World) -> Report:
    report: Report = world.deliveries(SnapshotAccepted)[-1].report
    return report


def corrected(world: World, at: int = 20, last_name: str = "Ash") -> Report:
    """A surname is put right, and nothing else."""
    world.tell_school(an_account("1", at, modules=(), last_name=last_name), at=at + 1)
    world.work()
    return newest(world)


def test_a_corrected_surname_makes_no_entity_known_and_unblocks_nobody(world: World) -> None:
    before = newest(world)
    assert [(one.list, one.code, one.students) for one in before.entities] == [
        ("departments", "TEACH", 2),
        ("programmes", "Y10", 2),
    ]
    after = corrected(world)
    assert [(one.list, one.code, one.students) for one in after.entities] == [
        ("departments", "TEACH", 2),
        ("programmes", "Y10", 2),
    ]
    assert after.blocked == before.blocked
    assert len(after.blocked) == after.counts["blocked"] == 2


# --- new, told, confirmed ----------------------------------------------------------------------------------------


def states(world: World) -> dict[str, str]:
    return {one.code: one.state for one in newest(world).entities}


def known(world: World) -> dict[str, str]:
    return {code: one.state for entities in ledger_of(world.state).values() for code, one in entities.items()}


def test_what_was_in_a_report_is_told_by_the_next_one(world: World) -> None:
    assert states(world) == {"TEACH": "new", "Y10": "new"}
    assert known(world) == {"TEACH": "told", "Y10": "told"}
    corrected(world)
    assert states(world) == {"TEACH": "told", "Y10": "told"}


def test_a_confirmation_unblocks_at_once_and_for_good(world: World) -> None:
    world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")
    world.work()
    after = newest(world)
    assert after.blocked == ()
    assert [one.email for one in after.enrolled] == ["s1@abbey.example", "s2@abbey.example"]
    assert states(world) == {"TEACH": "told"}
    later = corrected(world)
    assert (later.blocked, later.enrolled) == ((), ())
    entity = ledger_of(world.state)["programmes"]["Y10"]
    assert (entity.state, entity.by) == ("confirmed", "ann")


def test_confirming_twice_writes_nothing(world: World) -> None:
    world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")
    revision = world.state.revision
    world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "bob")
    assert world.state.revision == revision


def test_a_confirmation_can_be_taken_back(world: World) -> None:
    world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")
    world.desk.doubt_structure("abbey", {"programmes": ["Y10"]})
    world.work()
    assert len(newest(world).blocked) == 2


def test_a_refused_snapshot_and_one_of_unknown_outcome_tell_nothing(world: World) -> None:
    world.tell(a_structure(codes=("Y10", "Y11"), at=1))
    for plan in (422, 503):
        world.unitu.plan = [plan]
        world.publish()
        assert world.unitu.plan == []
        assert "Y11" not in known(world)
    world.clock.advance(3600.0)
    world.publish()
    assert states(world)["Y11"] == "new"
    assert known(world)["Y11"] == "told"


@pytest.mark.parametrize("point", ["announced", "posted", "concluded"])
def test_a_crash_at_any_point_tells_it_again_or_once(world: World, point: str) -> None:
    """Whatever Unitu has taken, nothing counts as confirmed by it, and nobody is unblocked."""
    world.tell(a_structure(codes=("Y10", "Y11"), at=1))
    world.desk.hasten("abbey")
    world.crash_at(point)
    assert known(world).get("Y11") == ("told" if point == "concluded" else None)
    world.work(until=200.0)
    assert len(newest(world).blocked) == 2
    assert known(world) == {"TEACH": "told", "Y10": "told", "Y11": "told"}


def test_a_confirmation_between_the_report_and_the_answer_counts_for_the_next(world: World) -> None:
    """Nobody knows whether Unitu had it when it took this snapshot: the next report says who is enrolled by it."""
    world.desk.hasten("abbey")

    def confirm() -> None:
        world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")

    failpoints.hooks["posted"] = confirm
    try:
        world.work_once()
    finally:
        failpoints.hooks.clear()
    assert len(newest(world).blocked) == 2
    assert known(world)["Y10"] == "confirmed"
    world.work()
    assert [one.email for one in newest(world).enrolled] == ["s1@abbey.example", "s2@abbey.example"]


def test_an_emptied_redis_forgets_no_confirmation(world: World) -> None:
    world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")
    world.work()
    world.empty_redis()
    world.read()
    world.publish()
    assert newest(world).blocked == ()


def test_what_is_no_longer_sent_is_forgotten_unless_it_is_confirmed(world: World) -> None:
    world.desk.confirm_structure("abbey", {"departments": ["TEACH"]}, "ann")
    world.tell(
        StructureState(
            school="abbey",
            offset=1,
            structure=Structure(programmes=(Programme(code="Y10", name="Year 10", department_code="ART"),)),
        )
    )
    world.publish()
    assert known(world) == {"TEACH": "confirmed", "ART": "told", "Y10": "told"}
    world.tell(a_structure(codes=("Y10",), at=2))
    world.publish()
    assert known(world) == {"TEACH": "confirmed", "Y10": "told"}
    assert states(world) == {"Y10": "told"}


def test_another_institution_has_other_entities(world: World, tmp_path: Path) -> None:
    world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")
    (tmp_path / "secret").write_text("another-key")
    world.config = load(tmp_path / "rollcall.toml", {})
    world.restart()
    with pytest.raises(Outdated, match="confirm-key"):
        world.desk.confirm_structure("abbey", {"departments": ["TEACH"]}, "ann")
    world.adopt()
    assert known(world) == {"TEACH": "told", "Y10": "told"}


def test_another_key_of_the_same_institution_changes_nothing(world: World, tmp_path: Path) -> None:
    world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")
    (tmp_path / "secret").write_text("another-key")
    world.config = load(tmp_path / "rollcall.toml", {})
    world.restart()
    world.desk.confirm_key("abbey", world.desk.fingerprint("abbey"))
    world.adopt()
    assert known(world)["Y10"] == "confirmed"


def test_what_unitu_has_can_be_said_before_anything_was_sent(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    world.tell(a_structure(codes=("Y10",)))
    world.tell_school(an_account("1", modules=()))
    world.desk.confirm_structure("abbey", {"programmes": ["Y10", "Y11"]}, "ann")
    world.adopt()
    world.work()
    assert newest(world).blocked == ()
    assert states(world) == {"TEACH": "new"}
    assert known(world)["Y11"] == "confirmed"


def test_a_state_of_before_the_ledger_has_told_what_it_had_sent_and_confirmed_nothing() -> None:
    old = (
        b'{"tenant":"abbey","accepted":{"number":3,"at":"2026-11-01T08:00:00.000Z","roster_hash":"h","digest":"d",'
        b'"entities":{"programmes":["Y10"]}}}'
    )
    state = decoder(TenantState).decode(old)
    assert ledger_of(state)["programmes"] == {"Y10": KnownEntity(state="told", since="2026-11-01T08:00:00.000Z")}
    assert ledger_of(state)["modules"] == {}
    assert confirmed_in(ledger_of(state))["programmes"] == frozenset()


# --- what is listed ------------------------------------------------------------------------------------------------


def test_what_unblocks_most_students_is_listed_first(world: World) -> None:
    world.tell(a_structure(codes=("Y10", "Y11", "Y12"), at=1))
    world.tell_school(*(an_account(str(one), 20, programmes=("Y11",), modules=()) for one in (3, 4, 5)), at=30)
    listed = [(one.code, one.students, one.belongs_to) for one in world.desk.structure("abbey")]
    assert listed == [("TEACH", 5, ""), ("Y11", 3, "TEACH"), ("Y10", 2, "TEACH"), ("Y12", 0, "TEACH")]


def test_what_is_confirmed_is_listed_last_also_when_it_is_no_longer_sent(world: World) -> None:
    world.desk.confirm_structure("abbey", {"programmes": ["Y09", "Y10"]}, "ann")
    listed = [(one.code, one.state, one.by, one.is_sent) for one in world.desk.structure("abbey")]
    assert listed == [
        ("TEACH", "told", "", True),
        ("Y09", "confirmed", "ann", False),
        ("Y10", "confirmed", "ann", True),
    ]


# --- how much is kept ----------------------------------------------------------------------------------------------


def codes(count: int, letter: str = "M") -> list[str]:
    return [f"{letter}{number:05}" for number in range(count)]


def empty_ledger() -> Ledger:
    return ledger_of(TenantState(tenant="abbey"))


def sent(**lists: list[str]) -> dict[str, list[str]]:
    return {name: lists.get(name, []) for name in LISTS}


def test_no_more_is_confirmed_than_is_kept() -> None:
    full = confirming(empty_ledger(), {"modules": codes(MOST)}, "2026-01", "ann")
    assert confirming(full, {"modules": codes(MOST)}, "2026-02", "bob") == full
    with pytest.raises(TooManyEntities, match="50001"):
        confirming(full, {"programmes": ["Y10"]}, "2026-02", "bob")


def test_beyond_the_bound_the_oldest_confirmation_of_what_is_not_sent_is_forgotten() -> None:
    ledger = confirming(empty_ledger(), {"modules": ["OLD", "SENT"]}, "2026-01", "ann")
    ledger = confirming(ledger, {"modules": codes(MOST - 2)}, "2026-02", "ann")
    kept = after_acceptance(ledger, sent(modules=["SENT"]), "2026-03")
    assert kept == ledger
    less = after_acceptance(ledger, sent(modules=["SENT"], programmes=["Y10"]), "2026-03")
    assert "OLD" not in less["modules"]
    assert less["modules"].keys() == ledger["modules"].keys() - {"OLD"}
    assert less["programmes"]["Y10"].state == "told"


def test_a_body_of_more_than_the_bound_is_kept_whole() -> None:
    after = after_acceptance(empty_ledger(), sent(modules=codes(MOST + 1)), "2026-03")
    assert len(after["modules"]) == MOST + 1
    assert len(confirming(after, {"modules": ["M00000"]}, "2026-03", "ann")["modules"]) == MOST + 1


def test_a_university_fits_into_one_message() -> None:
    """20,000 students beside the bound: the whole state, once as it stands and once on its way."""
    seat = Seat(book="abbey", person="123456", email="Somebody.With-A-Name@students.abbey.example")
    roster = {f"somebody.with-a-name{number}@students.abbey.example": seat for number in range(20_000)}
    ledger = confirming(empty_ledger(), {"modules": codes(MOST)}, "2026-11-01T08:00:00.000Z", "somebody@abbey.example")
    assert len(encode(TenantState(tenant="abbey", roster=roster, structure=ledger))) < 10 * 1024 * 1024


def test_the_same_sets_are_the_same_bytes() -> None:
    one = after_acceptance(empty_ledger(), sent(modules=["B", "A"]), "2026")
    other = after_acceptance(empty_ledger(), sent(modules=["A", "B"]), "2026")
    assert encode(TenantState(tenant="a", structure=one)) == encode(TenantState(tenant="a", structure=other))
