"""What is remembered of who is who: by the accounts, by an older release's memory, and body after body."""

import pytest

from services.gateway import register as register_module
from services.gateway.feed_store import Last
from services.gateway.key_resolution import Identity, here_after, settle
from services.gateway.recall import recalled
from services.gateway.register import (
    Known,
    Register,
    are_same,
    have_nothing_in_common,
    names_of,
    of_roll,
)
from shared.contract.account_state import AccountState, StructureState
from shared.contract.codec import Record, encode
from shared.contract.model import Details, Faculty, Structure
from shared.contract.topics import ACCOUNT_STATE

A, B, C = Known(id="A"), Known(id="B"), Known(id="C")


def test_whoever_is_gone_keeps_their_key_until_they_are_back() -> None:
    once = Register(here={"a": A, "b": B}).after({"b": B}, is_complete=True)
    assert once == Register(here={"b": B}, gone={"a": A})
    assert once.after({"a": A, "b": B}, is_complete=True) == Register(here={"a": A, "b": B})


def test_an_incomplete_body_says_of_nobody_that_they_are_gone() -> None:
    assert Register(here={"a": A}, gone={"c": C}).after({"b": B}, is_complete=False) == Register(
        here={"a": A, "b": B}, gone={"c": C}
    )


def test_an_address_that_an_incomplete_body_gives_on_is_nobody_elses() -> None:
    after = Register(here={"a": Known(id="A", email="x@x")}).after({"b": Known(email="x@x")}, is_complete=False)
    assert after.here == {"a": A, "b": Known(email="x@x")}


def test_the_missing_stand_in_the_order_of_the_last_body() -> None:
    register = Register(here={"z": A, "a": B, "m": C})
    assert register.missing({"a": B}) == ["z", "m"]


def test_what_was_read_back_from_accounts_proves_no_absence_until_a_complete_body_came() -> None:
    register = Register(here={"a": A, "b": B}, is_proved=False)
    assert register.missing({}) == []
    assert not register.after({"a": A}, is_complete=False).is_proved
    after = register.after({"a": A}, is_complete=True)
    assert (after.missing({}), after.gone) == (["a"], {"b": B})


def test_whoever_went_first_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_module, "MOST_GONE", 2)
    after = Register(here={"b": B, "c": C}, gone={"a": A}).after({}, is_complete=True)
    assert list(after.gone) == ["b", "c"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("José", "Ñúñez"), ("José", "Ñúñez"), id="composed or not"),
        pytest.param(("Siân", "Price Jones"), ("Sian", "Price-Jones"), id="a mark and a hyphen"),
        pytest.param(("Aoife", "O'Brien"), ("aoife ", "O\u2019BRIEN"), id="an apostrophe, case and space"),
    ],
)
def test_a_spelling_is_no_other_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert are_same(names_of(*one), names_of(*other))


@pytest.mark.parametrize(
    ("one", "other", "is_same", "is_another"),
    [
        pytest.param(("Ada", "Fern"), ("Ada", "Fern"), True, False, id="both"),
        pytest.param(("Ada", "Fern"), ("Ada", "Rye"), False, False, id="a new surname"),
        pytest.param(("Ada", "Fern"), ("Bea", "Fern"), False, False, id="a sister"),
        pytest.param(("Ada", "Fern"), ("Bea", "Rye"), False, True, id="neither"),
        pytest.param(("Ada", "Fern"), ("Fern", "Ada"), False, True, id="the wrong way round"),
        pytest.param(("Ada", "Fern"), (None, "Rye"), False, False, id="one is not known"),
        pytest.param((None, None), (None, None), False, False, id="nothing is known"),
    ],
)
def test_names_that_are_not_known_prove_nothing(
    one: tuple[str | None, str | None], other: tuple[str | None, str | None], is_same: bool, is_another: bool
) -> None:
    names = names_of(*one), names_of(*other)
    assert (are_same(*names), have_nothing_in_common(*names)) == (is_same, is_another)


def test_what_an_older_release_remembered_is_still_known() -> None:
    assert of_roll({"a@x": "A", "b@x": None}, "email").here == {
        "a@x": Known(id="A", email="a@x"),
        "b@x": Known(email="b@x"),
    }
    assert of_roll({"A": "a@x"}, "id").here == {"A": Known(id="A", email="a@x")}
    last = Last(key="email", roll={"a@x": "A"}, staff={"t@x": "T"})
    assert (set(last.register("student").here), set(last.register("staff").here)) == ({"a@x"}, {"t@x"})
    newer = Last(key="email", roll={"a@x": "A"}, registers={"student": Register(here={"b": B})})
    assert set(newer.register("student").here) == {"b"}


def an_account(own: str, at: int, status: str = "enabled", **fields: str) -> AccountState:
    details = Details(
        **({"id": own.upper(), "first_name": "Ada", "last_name": "Fern", "email": "Now@x.example"} | fields)
    )  # type: ignore[arg-type]
    return AccountState(school="northern", student_id=own, offset=at, status=status, details=details)  # type: ignore[arg-type]


def test_who_is_who_is_read_back_from_the_accounts() -> None:
    structure = StructureState(
        school="northern", offset=2, structure=Structure(faculties=(Faculty(code="F", name="F"),))
    )
    told: list[tuple[str, bytes]] = [
        ("northern", b"a school"),
        ("northern//structure", encode(structure)),
        ("northern/a", encode(an_account("a", 7))),
        ("northern/a", encode(an_account("a", 5, email="old@x.example"))),  # compaction left it behind the newer one
        ("northern/b", encode(an_account("b", 3, "disabled"))),
        ("northern/c", encode(an_account("c", 3))),
        ("northern/c", b""),
        ("northern/d", encode(AccountState(school="northern", student_id="d", offset=1))),  # never had an account
        ("northern+staff/a", encode(an_account("a", 4, id="T1"))),
        ("northerner/a", b"another school"),
    ]
    records = [Record(ACCOUNT_STATE, 0, n, key, value) for n, (key, value) in enumerate(told)]
    found = recalled(records, "northern")
    known = Known(id="A", email="now@x.example", names=names_of("Ada", "Fern"))
    assert found.structure == structure.structure
    assert found.registers["student"] == Register(
        here={"a": known}, gone={"b": Known(id="B", email=known.email, names=known.names)}, is_proved=False
    )
    assert [one.id for one in found.registers["staff"].here.values()] == ["T1"]


# --- compared by an earlier release ---------------------------------------------------------------------------------

NFC, NFD = "jos\u00e9@northern.example", "jose\u0301@northern.example"
UNICODE, ASCII = "ida@b\u00fccher.example", "ida@xn--bcher-kva.example"


@pytest.mark.parametrize(("old", "now"), [(NFD, NFC), (UNICODE, ASCII)])
@pytest.mark.parametrize("list_", ["here", "gone"])
def test_whom_an_earlier_release_compared_in_another_way_keeps_their_key(old: str, now: str, list_: str) -> None:
    """The key is the address that the earlier release made of it; the feed has no ids."""
    kept = Last(key="email", registers={"student": Register(**{list_: {old: Known(email=old)}})})
    register = kept.register("student")
    entries = [Identity(email=now)]
    settled = settle(entries, register, "email")
    assert (settled.keys, settled.faults) == ([old], {})
    here = here_after(entries, settled, register, "email", ())
    assert here == {old: Known(email=now)}
    assert register.missing(here) == []
    assert turned(register.after(here, is_complete=True)) == register.after(here, is_complete=True)


def turned(register: Register) -> Register:
    """Once more from the memory."""
    return Last(key="email", registers={"student": register}).register("student")


def test_who_has_moved_away_from_an_address_of_an_earlier_release_keeps_their_key() -> None:
    """Their key is an address that they have no more; they are told by their id."""
    register = turned(Register(here={NFD: Known(id="S1", email="jo@northern.example")}))
    assert settle([Identity(id="S1", email="jo@northern.example")], register, "email").keys == [NFD]
    assert settle([Identity(email=NFC)], register, "email").keys == [NFD]


def test_the_newest_address_of_an_earlier_release_is_found_whatever_the_key() -> None:
    """Fails where only keys are compared anew: José, who was first said as Jo, would be somebody new, and Jo gone."""
    register = turned(Register(here={"jo@northern.example": Known(email=NFD)}))
    assert settle([Identity(email=NFC)], register, "email").keys == ["jo@northern.example"]


def test_a_register_of_plain_addresses_is_taken_as_it_is() -> None:
    register = Register(here={"a@northern.example": Known(email="a@northern.example")})
    assert register.compared_anew() is register
