"""What an earlier release remembered by ``strip().casefold()`` is found by today's comparison; nobody goes by it."""

import unicodedata
from pathlib import Path

import msgspec
import pytest

from services.publisher.last_snapshot import last_of, orphaned
from services.publisher.rekeyed import rekeyed, rekeyed_values
from shared.contract.deliveries import SnapshotHeld
from shared.contract.tenant_state import Intent, Seat, TenantState, Unknown
from tests.unit.publisher.world import World, a_config, an_account

NFC, NFD = "jos\u00e9@abbey.example", "jose\u0301@abbey.example"
MARKED = "ada@abbey.example\u200b"
UNICODE, ASCII = "ida@b\u00fccher.example", "ida@xn--bcher-kva.example"
SHARP = "una@stra\u00dfe.example"


def old(email: str) -> str:
    return email.strip().casefold()


def a_seat(person: str, email: str = "", book: str = "abbey") -> Seat:
    return Seat(book=book, person=person, email="" if email == old(email) else email)


def a_roster(**people: str) -> dict[str, Seat]:
    """``a_roster(p1="A@x")``, as an earlier release kept it."""
    return {old(email): a_seat(person[1:], email) for person, email in people.items()}


def before(state: TenantState) -> TenantState:
    """The state as an earlier release had it, by the spellings that are in it."""
    roster = {old(seat.email or key): seat for key, seat in state.roster.items()}
    return msgspec.structs.replace(state, roster=dict(sorted(roster.items())))


def sent_as(state: TenantState) -> dict[str, str]:
    return {seat.ref: seat.email or key for key, seat in state.roster.items()}


def test_each_seat_has_todays_key_and_the_spelling_that_was_sent() -> None:
    people = {"p1": NFD, "p2": MARKED, "p3": UNICODE, "p4": SHARP, "p5": "Eve@Abbey.Example"}
    now = rekeyed(TenantState(tenant="abbey", roster=a_roster(**people)))
    assert set(now.roster) == {NFC, "ada@abbey.example", ASCII, "una@xn--strae-oqa.example", "eve@abbey.example"}
    assert sent_as(now) == {f"abbey/{person[1:]}": email for person, email in people.items()}
    assert rekeyed(now) == now


def test_a_protected_record_is_named_by_its_key() -> None:
    state = TenantState(tenant="abbey", roster={NFD: a_seat(NFD, book="")}, refused={f"/{NFD}": "d", "abbey/1": "e"})
    now = rekeyed(state)
    assert now.roster == {NFC: Seat(book="", person=NFC, email=NFD)}
    assert now.refused == {f"/{NFC}": "d", "abbey/1": "e"}


def test_what_is_on_its_way_and_what_is_unknown_have_the_same_keys() -> None:
    state = TenantState(
        tenant="abbey",
        roster=a_roster(p1=NFD, p2="b@abbey.example"),
        accounts=(NFD, NFC, UNICODE),
        earlier=(NFD,),
        email_releases={"abbey/2": UNICODE},
        unknown=Unknown(gained={UNICODE: a_seat("3")}, lost={NFD: 4}),
        intent=Intent(
            number=2,
            begun_at="2026",
            ends_at="2026",
            roster_hash="",
            digest="",
            gained={MARKED: a_seat("4")},
            lost=(NFD,),
        ),
    )
    now = rekeyed(state)
    assert (now.accounts, now.earlier, now.email_releases) == ((NFC, ASCII), (NFC,), {"abbey/2": ASCII})
    assert now.unknown == Unknown(gained={ASCII: Seat(book="abbey", person="3", email=UNICODE)}, lost={NFC: 4})
    assert now.intent is not None
    assert now.intent.gained == {"ada@abbey.example": Seat(book="abbey", person="4", email=MARKED)}
    assert now.intent.lost == (NFC,)
    assert set(last_of(now).seats) == {NFC, "b@abbey.example", ASCII, "ada@abbey.example"}
    assert rekeyed(now) == now


def test_of_two_that_are_one_address_now_the_second_keeps_its_own_key() -> None:
    now = rekeyed(TenantState(tenant="abbey", roster=a_roster(p1=NFC, p2=NFD, p3=f"{NFD}\u200b")))
    assert sent_as(now) == {"abbey/1": NFC, "abbey/2": NFD, "abbey/3": f"{NFD}\u200b"}
    assert set(now.roster) == {NFC, NFD, f"{NFD}\u200b"}
    assert rekeyed(now) == now
    assert rekeyed_values({NFD: 1, NFC: 2}) == {NFD: 1, NFC: 2}
    assert rekeyed_values({NFD: 1}) == {NFC: 1}


def test_an_orphan_of_an_earlier_release_is_still_known() -> None:
    from hashlib import blake2b

    for key in (NFD, UNICODE, "ada@abbey.example"):
        kept = {blake2b(key.encode(), digest_size=8).hexdigest(): "abbey/1"}
        assert orphaned(kept, unicodedata.normalize("NFC", key)) == "abbey/1"
        assert orphaned(kept, "somebody@abbey.example") is None


# --- the first snapshots after the upgrade ---------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Delivered by an earlier release, each as the school spelt them."""
    world = World(a_config(tmp_path))
    emails = {"1": NFD, "2": MARKED, "3": UNICODE, "4": SHARP, "5": "Eve@Abbey.Example"}
    world.tell_school(*(an_account(one, int(one), email=email) for one, email in emails.items()))
    world.adopt()
    world.work()
    world.tenants.update("abbey", before)
    world.restart()
    return world


def test_the_form_of_an_address_changes_and_nobody_is_disabled_or_provisioned(world: World) -> None:
    was = world.unitu.enabled
    clean = {"1": NFC, "2": "ada@abbey.example", "3": ASCII, "4": SHARP, "5": "eve@abbey.example"}
    world.tell_school(*(an_account(one, 20, email=email, last_name="Moss") for one, email in clean.items()), at=30)
    world.work(until=4000)
    assert world.unitu.posts > 1
    assert world.unitu.enabled == was
    assert [account for account, is_enabled in world.unitu.accounts.items() if not is_enabled] == []
    assert world.state.held is None


def test_a_change_of_case_alone_waits_for_nothing(world: World) -> None:
    world.tell_school(an_account("5", 20, email="EVE@abbey.example"), an_account("1", 21, email=NFC), at=30)
    assert [wait.person for wait in world.desk.waits("abbey")] == []


def test_an_account_that_nobody_can_log_in_to_waits_for_a_yes(world: World) -> None:
    world.tell_school(an_account("2", 20, email="ada@abbey.example"), at=30)
    [wait] = world.desk.waits("abbey")
    assert (wait.person, wait.delivered, wait.own) == ("2", MARKED, "ada@abbey.example")
    world.desk.release("abbey", [wait])
    world.work(until=600)
    assert "ada@abbey.example" in world.unitu.enabled
    assert MARKED not in world.unitu.enabled
    assert world.desk.waits("abbey") == ()
    assert world.state.email_releases == {}


def test_two_accounts_that_are_one_address_now_are_held_and_stay(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    world.tell_school(an_account("1", 1, email=NFC), an_account("2", 2, email="b@abbey.example"))
    world.adopt()
    world.work()
    both = a_roster(p1=NFC, p2=NFD)
    world.tenants.update("abbey", lambda state: msgspec.structs.replace(state, roster=both))
    world.unitu.accounts = {NFC: True, NFD: True}
    world.restart()
    world.tell_school(an_account("1", 20, email=NFC), an_account("2", 21, email=NFD, last_name="Moss"), at=30)
    world.work(until=4000)
    assert world.unitu.enabled == {NFC, NFD}
    assert [reason.code for reason in world.deliveries(SnapshotHeld)[-1].reasons] == ["not_disabled"]
    world.tell_school(an_account("2", 40, email="jo@abbey.example"), at=50)
    world.work(until=4000)
    [wait] = world.desk.waits("abbey")
    world.desk.release("abbey", [wait])
    world.work(until=4000)
    assert world.unitu.enabled == {NFC, "jo@abbey.example"}
