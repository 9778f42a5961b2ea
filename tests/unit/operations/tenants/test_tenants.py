"""A person's decisions about a tenant by functions, on a publisher in memory; the portal has no more than these."""

import json
from pathlib import Path

import msgspec
import pytest

from services.operations.errors import Code, OperationError
from services.operations.requests.publish import publish
from services.operations.tenants import adoption, emails, facts, structure
from services.operations.tenants.adoption import AdoptionWish
from services.publisher.orders import KEPT
from services.publisher.structure_ledger import ledger_of
from shared.contract.tenant_state import TenantState
from tests.unit.publisher.world import World, a_config, a_structure, an_account

ACCOUNTS = b"email\ns1@abbey.example\nhead@abbey.example\n"
WORDS = {"without-accounts", "most-would-go", "list-meets-few", "same-ids"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A live tenant that is whole, and that nobody has adopted."""
    world = World(a_config(tmp_path))
    world.tell(a_structure(codes=("Y10", "Y11")))
    world.tell_school(an_account("1", 5, modules=()), an_account("2", 6, modules=()))
    return world


# --- adoption ------------------------------------------------------------------------------------------------------


def test_a_roster_that_is_not_whole_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="abbey: the view is being read anew") as told:
        adoption.preview(World(a_config(tmp_path)).desk, AdoptionWish("abbey"))
    assert told.value.code is Code.NOT_WHOLE


def test_what_is_shown_says_who_would_be_disabled_and_is_adopted_by_its_hash(world: World) -> None:
    shown = adoption.preview(world.desk, AdoptionWish("abbey", [ACCOUNTS]))
    told = json.loads(msgspec.json.encode(adoption.answer_of(shown, is_adopted=False)))
    assert (told["disabled"], told["lists"][0]["row_count"], told["bound"]) == (["head@abbey.example"], 2, shown.bound)
    adoption.adopt(world.desk, shown, shown.bound[: adoption.SHORT], WORDS, "ann")
    assert world.state.adoption is not None
    assert (world.state.adoption.operator, world.state.adoption.disabled_count) == ("ann", 1)


@pytest.mark.parametrize("length", [0, 11], ids=["no hash", "too short a piece of it"])
def test_a_yes_to_something_else_adopts_nothing(world: World, length: int) -> None:
    shown = adoption.preview(world.desk, AdoptionWish("abbey"))
    for yes in (shown.bound[:length], "0" * 32):
        with pytest.raises(OperationError, match="look again") as told:
            adoption.adopt(world.desk, shown, yes, WORDS, "ann")
        assert told.value.code is Code.OUTDATED
    assert world.state.adoption is None


def test_a_page_that_was_open_while_another_adopted_adopts_nothing(world: World) -> None:
    mine, theirs = (adoption.preview(world.desk, AdoptionWish("abbey")) for _ in range(2))
    adoption.adopt(world.desk, theirs, theirs.bound, WORDS, "ann")
    with pytest.raises(OperationError) as told:
        adoption.adopt(world.desk, mine, mine.bound, WORDS, "kim")
    assert told.value.code is Code.OUTDATED
    assert world.state.adoption is not None
    assert world.state.adoption.operator == "ann"


def test_a_concern_needs_its_word(world: World) -> None:
    shown = adoption.preview(world.desk, AdoptionWish("abbey"))
    assert [one.word for one in shown.lacks(())] == ["without-accounts"]
    for ask in (adoption.check_words, lambda one, words: adoption.adopt(world.desk, one, one.bound, words, "ann")):
        with pytest.raises(OperationError, match="--without-accounts") as told:
            ask(shown, ())
        assert told.value.code is Code.NEEDS_WORD
    assert adoption.words_of((), without_accounts=True) == {"without-accounts"}
    with pytest.raises(OperationError, match="there is no such word; there are: ") as told:
        adoption.words_of(["everything"])
    assert told.value.code is Code.WRONG_WORD


def test_a_file_that_is_no_list_is_refused(world: World) -> None:
    with pytest.raises(OperationError) as told:
        adoption.preview(world.desk, AdoptionWish("abbey", [b"PK\x03\x04\x00\x00"]))
    assert told.value.code is Code.UNREADABLE_LIST


# --- key, e-mails, snapshot ----------------------------------------------------------------------------------------


def test_a_key_is_confirmed_by_its_fingerprint(world: World) -> None:
    key = facts.key_of(world.desk, "abbey")
    with pytest.raises(OperationError, match="nobody has adopted") as told:
        facts.confirm_key(world.desk, "abbey", key.configured, "ann")
    assert told.value.code is Code.OUTDATED
    world.adopt()
    with pytest.raises(OperationError, match="the configured key has the fingerprint"):
        facts.confirm_key(world.desk, "abbey", "another", "ann")
    confirmed = facts.confirm_key(world.desk, "abbey", key.configured, "kim")
    assert (confirmed.is_confirmed, key.is_confirmed) == (True, False)
    assert world.state.adoption is not None
    assert world.state.adoption.key_operator == "kim"


def test_a_release_of_e_mails_is_bound_to_those_that_were_shown(world: World) -> None:
    world.adopt()
    world.work()
    world.tell(an_account("1", 20, email="one@x", modules=()))
    shown = emails.waiting(world.desk, "abbey")
    world.tell(an_account("2", 21, email="two@x", modules=()))
    now = emails.waiting(world.desk, "abbey")
    with pytest.raises(OperationError, match="look again") as told:
        emails.release(world.desk, "abbey", now, shown.hash, "ann")
    assert (told.value.code, world.state.email_releases) == (Code.OUTDATED, {})
    one = emails.waiting(world.desk, "abbey", ["one@x"])
    assert one.hash == shown.hash, "by those who are named, and by nothing else"
    emails.release(world.desk, "abbey", one, one.hash, "ann")
    assert world.state.email_releases == {"abbey/1": "one@x"}


def test_what_is_known_of_a_tenant_is_told_whole_or_not(tmp_path: Path, world: World) -> None:
    world.adopt()
    world.work()
    told = facts.facts_of(world.config, world.desk, "abbey")
    assert told.adopted is not None
    assert told.accepted is not None
    assert (told.accepted.number, told.roster, told.waits, told.refused) == (1, 2, (), None)
    (tmp_path / "new").mkdir()
    new = World(a_config(tmp_path / "new"))
    told = facts.facts_of(new.config, new.desk, "abbey")
    assert (told.adopted, told.waits, told.releasable) == (None, None, ())


def test_a_snapshot_is_asked_for_by_whoever_may(world: World) -> None:
    world.adopt()
    ordered = publish(world.desk, "abbey", "ann")
    assert (ordered.tenant, ordered.is_asked_for, ordered.released) == ("abbey", True, ())
    with pytest.raises(OperationError, match="nothing is held under 0000") as told:
        publish(world.desk, "abbey", "ann", release=["0000"])
    assert told.value.code is Code.OUTDATED


# --- structure -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(world: World) -> World:
    """Its first snapshot has gone."""
    world.adopt()
    world.work()
    return world


def confirmed(world: World) -> set[str]:
    ledger = ledger_of(world.state)
    return {code for of in ledger.values() for code, one in of.items() if one.state == "confirmed"}


def test_a_structure_is_confirmed_and_doubted_by_its_codes(sent: World) -> None:
    only = structure.list_named("programmes")
    assert [one.code for one in structure.structure_of(sent.desk, "abbey", only)] == ["Y10", "Y11"]
    done = structure.confirm(sent.desk, "abbey", None, "ann", only=only)
    assert (confirmed(sent), len(done.changed)) == ({"Y10", "Y11"}, 2)
    again = structure.confirm(sent.desk, "abbey", ["Y10"], "ann")
    assert (len(again.chosen), again.changed) == (1, ())
    structure.doubt(sent.desk, "abbey", ["Y11"], "ann")
    assert confirmed(sent) == {"Y10"}


@pytest.mark.parametrize(
    ("codes", "words"), [(["Y99"], "the newest snapshot has no such code"), (["Y10", "Y99"], "no such code")]
)
def test_a_code_that_nothing_has_confirms_nothing(sent: World, codes: list[str], words: str) -> None:
    with pytest.raises(OperationError, match=words) as told:
        structure.confirm(sent.desk, "abbey", codes, "ann")
    assert (told.value.code, confirmed(sent)) == (Code.WRONG_WORD, set())


def test_a_list_of_unitus_confirms_what_it_has_unless_it_is_anothers(sent: World) -> None:
    read = structure.read_list(b"type,code\nprogramme,Y10\n")
    done = structure.import_list(sent.desk, "abbey", read, "ann", name="u.csv")
    assert (done.confirmed, done.doubted) == ((("programmes", "Y10"),), ())
    assert ("programmes", "Y11") in done.unconfirmed
    with pytest.raises(OperationError, match="none of it is abbey's") as told:
        structure.import_list(
            sent.desk, "abbey", structure.read_list(b"type,code\nprogramme,P\n"), "ann", name="u.csv", is_whole=True
        )
    assert (told.value.code, confirmed(sent)) == (Code.NOT_OURS, {"Y10"})
    with pytest.raises(OperationError) as told:
        structure.read_list(b"email\na@x\n")
    assert told.value.code is Code.UNREADABLE_LIST


def test_a_list_that_there_is_not_is_a_wrong_word() -> None:
    assert structure.list_named(None) is None
    with pytest.raises(OperationError, match="there are: faculties, departments"):
        structure.list_named("houses")


# --- who ordered what ----------------------------------------------------------------------------------------------


def test_each_order_says_who_gave_it_and_why(world: World) -> None:
    shown = adoption.preview(world.desk, AdoptionWish("abbey"))
    adoption.adopt(world.desk, shown, shown.bound, WORDS, "ann", "as agreed")
    key = facts.key_of(world.desk, "abbey").configured
    facts.confirm_key(world.desk, "abbey", key, "kim", "it was renewed")
    world.work()
    structure.confirm(world.desk, "abbey", ["Y10"], "kim")
    structure.doubt(world.desk, "abbey", ["Y10"], "ann", "a slip")
    world.tell(an_account("1", 20, email="one@x", modules=()))
    waits = emails.waiting(world.desk, "abbey")
    emails.release(world.desk, "abbey", waits, waits.hash, "kim", "renamed at Unitu")
    publish(world.desk, "abbey", "ann", "a programme was made")
    told = facts.facts_of(world.config, world.desk, "abbey").orders
    assert [(one.kind, one.operator, one.note, one.about) for one in told] == [
        ("adopt", "ann", "as agreed", shown.bound),
        ("confirm_key", "kim", "it was renewed", key),
        ("confirm_structure", "kim", "", "1 programmes"),
        ("doubt_structure", "ann", "a slip", "1 programmes"),
        ("release_emails", "kim", "renamed at Unitu", waits.hash),
        ("publish", "ann", "a programme was made", ""),
    ]
    assert all(one.at for one in told)


def test_an_order_that_was_refused_is_none(world: World) -> None:
    world.adopt()
    before = world.state.orders
    for yes in ("0" * 32, ""):
        with pytest.raises(OperationError):
            facts.confirm_key(world.desk, "abbey", yes, "kim")
    with pytest.raises(OperationError):
        publish(world.desk, "abbey", "kim", release=["0000"])
    assert world.state.orders == before


def test_the_newest_orders_are_kept(world: World) -> None:
    world.adopt()
    for number in range(KEPT + 1):
        publish(world.desk, "abbey", "ann", str(number))
    assert [one.note for one in world.state.orders] == [str(number) for number in range(1, KEPT + 1)]


def test_a_state_from_before_has_no_orders(world: World) -> None:
    """Fails when what an older release wrote cannot be read any more."""
    assert msgspec.json.decode(b'{"tenant":"abbey"}', type=TenantState).orders == ()
