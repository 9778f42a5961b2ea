"""Who is who, by ids and addresses that change, are exchanged, are missing or stand twice."""

from typing import Literal

import pytest

from services.gateway.key_resolution import Identity, Settled, here_after, settle
from services.gateway.register import Known, Register, names_of

Key = Literal["email", "id"]

JANE, JOE = names_of("Jane", "Smith"), names_of("Joe", "Bloggs")
REGISTER = Register(
    here={
        "jane@x": Known(id="J", email="jane@x", names=JANE),
        "joe@x": Known(id="M", email="joe@x", names=JOE),
        "kim@x": Known(email="kim@x"),
        "was@x": Known(id="W", email="is@x"),
        "twin1@x": Known(id="T", email="twin1@x"),
        "twin2@x": Known(id="T", email="twin2@x"),
    },
    gone={"left@x": Known(id="L", email="left@x", names=names_of("Lee", "Fern"))},
)
EVERYBODY = [
    Identity("J", "jane@x", JANE),
    Identity("M", "joe@x", JOE),
    Identity(None, "kim@x"),
    Identity("W", "is@x"),
    Identity("T", "twin1@x"),
    Identity("T", "twin2@x"),
]
KIM = EVERYBODY[2]  # of whom the feed never gave an id: while she is missing, a stranger may be she


def one(email: str | None, id: str | None = None, names: str | None = None) -> Identity:
    return Identity(id, email, names)


def told(settled: Settled) -> tuple[list[str | None], dict[int, list[str]], set[str]]:
    faults = {place: [fault.pointer for fault in found] for place, found in settled.faults.items()}
    return settled.keys, faults, set(settled.kept)


@pytest.mark.parametrize(
    ("entries", "keys", "faults", "kept"),
    [
        pytest.param([one("a@x", "A"), one("b@x")], ["a@x", "b@x"], {}, set(), id="people whom nobody knows"),
        pytest.param([one("new@x", "J", JANE)], ["jane@x"], {}, set(), id="a new address, the same id"),
        pytest.param([one("new@x", "J")], ["jane@x"], {}, set(), id="a new address, and no names to compare"),
        pytest.param([one("new@x", "W")], ["was@x"], {}, set(), id="a third address"),
        pytest.param([one("was@x", "W")], ["was@x"], {}, set(), id="the first address again"),
        pytest.param([one("is@x")], ["was@x"], {}, set(), id="the address of now, and no id"),
        pytest.param([one("was@x")], ["was@x"], {}, set(), id="the first address, and no id"),
        pytest.param([one("new@x", "J", JOE)], ["jane@x"], {0: ["/id"]}, set(), id="an id given to a stranger"),
        pytest.param(
            [one("new@x", "J", names_of("Jane", "Married"))], ["jane@x"], {}, set(), id="a new address and surname"
        ),
        pytest.param([one("kim@x", "K")], ["kim@x"], {}, set(), id="an id for the first time"),
        pytest.param([one("joe@x", "J")], ["jane@x"], {0: ["/email"]}, {"joe@x"}, id="one's id, another's address"),
        pytest.param(
            [one("joe@x", "J"), one("jane@x", "M")],
            ["jane@x", "joe@x"],
            {0: ["/email"], 1: ["/email"]},
            set(),
            id="addresses exchanged",
        ),
        pytest.param(
            [one("free@x", "M"), one("joe@x", "J")],
            ["joe@x", "jane@x"],
            {1: ["/email"]},
            set(),
            id="an address that has just become free",
        ),
        pytest.param([one("jane@x", "J2", JANE)], ["jane@x"], {}, set(), id="another id, the same names"),
        pytest.param(
            [one("jane@x", "J2", JOE), KIM], ["jane@x", "kim@x"], {0: ["/id"]}, set(), id="nothing but Jane's address"
        ),
        pytest.param(
            [one("new@x", "J"), one("jane@x", "N"), KIM], ["jane@x", "N", "kim@x"], {}, set(), id="Jane's old address"
        ),
        pytest.param(
            [one("new@x", "J"), one("jane@x", "N")],
            ["jane@x", None],
            {},
            set(),
            id="which may be Kim, whose id was never said",
        ),
        pytest.param(
            [one("new@x", "J"), one("jane@x")],
            ["jane@x", "jane@x"],
            {0: [""], 1: [""]},
            {"jane@x"},
            id="Jane's id and Jane's address, apart",
        ),
        pytest.param([one("new@x", "L")], ["left@x"], {}, set(), id="back with a new address"),
        pytest.param([one("left@x", "N"), KIM], ["N", "kim@x"], {}, set(), id="a leaver's address"),
        pytest.param([one("joe@x", "L")], ["left@x"], {0: ["/email"]}, {"joe@x"}, id="a leaver's id"),
        pytest.param([one("left@x")], ["left@x"], {}, set(), id="a leaver's address, and no id"),
        pytest.param([one(None, "J")], ["jane@x"], {}, set(), id="known by the id"),
        pytest.param([one(None, "new")], [None], {}, set(), id="nobody knows the id"),
        pytest.param([one(None)], [None], {}, set(), id="nothing says who it is"),
        pytest.param([one(None, "T")], [None], {}, set(), id="two have this id"),
        pytest.param([one("new@x", "T")], [None], {}, set(), id="two have this id, and the address is new"),
        pytest.param([one("twin1@x", "T")], ["twin1@x"], {}, set(), id="two have this id, and the address tells"),
        pytest.param(
            [one(None, "J"), one(None, "J")],
            ["jane@x", "jane@x"],
            {0: ["/id"], 1: ["/id"]},
            {"jane@x"},
            id="one person, twice without an address",
        ),
        pytest.param(
            [one("new1@x", "J"), one("new2@x", "J")],
            ["jane@x", "jane@x"],
            {0: ["/id"], 1: ["/id"]},
            {"jane@x"},
            id="one person, with two new addresses",
        ),
        pytest.param(
            [one("jane@x", "J"), one("joe@x", "J")],
            ["jane@x", "joe@x"],
            {0: ["/id"], 1: ["/id"]},
            set(),
            id="Jane's id stands in Joe's entry too",
        ),
        pytest.param(
            [one("joe@x", "J"), one("is@x", "J")],
            ["joe@x", "was@x"],
            {0: ["/id"], 1: ["/id"]},
            {"jane@x"},
            id="Jane's id stands in two others' entries",
        ),
        pytest.param(
            [one("a@x", "A"), one("b@x", "A")],
            ["a@x", "b@x"],
            {0: ["/id"], 1: ["/id"]},
            set(),
            id="a new id, of two people",
        ),
        pytest.param(
            [one("a@x", "A"), one("a@x", "A")],
            ["a@x", "a@x"],
            {0: ["/email"], 1: ["/email"]},
            {"a@x"},
            id="somebody new, twice",
        ),
        pytest.param(
            [one("a@x", "A"), one("a@x", "B")],
            ["a@x", None],
            {0: ["/email"], 1: ["/email"]},
            set(),
            id="two new people, one address",
        ),
        pytest.param(
            [one("a@x"), one("a@x")], ["a@x", None], {0: ["/email"], 1: ["/email"]}, set(), id="and they have no ids"
        ),
        pytest.param(
            [one("jane@x", "M"), one("jane@x", "J")],
            ["joe@x", "jane@x"],
            {0: ["/email"], 1: ["/email"]},
            set(),
            id="Joe has Jane's by mistake",
        ),
        pytest.param(
            [one("jane@x", "N"), one("jane@x", "J")],
            [None, "jane@x"],
            {0: ["/email"], 1: ["/email"]},
            set(),
            id="a stranger has Jane's",
        ),
        pytest.param(
            [one("jane@x", "N"), one("jane@x", "M")],
            ["jane@x", "joe@x"],
            {0: ["/id", "/email"], 1: ["/email"]},
            set(),
            id="a stranger and Joe have Jane's",
        ),
        pytest.param(
            [one("jane@x", "W"), one("jane@x", "M")],
            ["was@x", "joe@x"],
            {0: ["/email"], 1: ["/email"]},
            {"jane@x"},
            id="two others have Jane's",
        ),
    ],
)
def test_an_entry_is_who_it_must_be_or_nobody(
    entries: list[Identity], keys: list[str | None], faults: dict[int, list[str]], kept: set[str]
) -> None:
    assert told(settle(entries, REGISTER, "email")) == (keys, faults, kept)


@pytest.mark.parametrize(
    ("entries", "keys", "faults", "kept"),
    [
        pytest.param([one("a@x", "A")], ["A"], {}, set(), id="somebody new has the new kind of key"),
        pytest.param([one("new@x", "J")], ["jane@x"], {}, set(), id="who is known keeps theirs"),
        pytest.param([one("kim@x", "K")], ["kim@x"], {}, set(), id="also who never had an id"),
        pytest.param([one("jane@x")], ["jane@x"], {}, set(), id="known by the address"),
        pytest.param([one("a@x")], [None], {}, set(), id="nobody knows the address"),
        pytest.param(
            [one("joe@x", "J"), one("jane@x", "M")], ["jane@x", "joe@x"], {}, set(), id="addresses exchanged: ids tell"
        ),
        pytest.param(
            [one("joe@x", "J", JOE), one("jane@x", "M", JANE)],
            ["jane@x", "joe@x"],
            {0: ["/id"], 1: ["/id"]},
            set(),
            id="ids exchanged: names tell",
        ),
        pytest.param([one("joe@x", "J", JOE)], ["jane@x"], {0: ["/id"]}, {"joe@x"}, id="Joe under Jane's id"),
        pytest.param([one("jane@x", "N", JOE)], ["N"], {}, set(), id="a leaver's address, another id, other names"),
        pytest.param([one("jane@x", "N", JANE)], ["jane@x"], {}, set(), id="another id alone"),
        pytest.param(
            [one("a@x", "A"), one("b@x", "A")],
            ["A", "A"],
            {0: ["/id"], 1: ["/id"]},
            {"A"},
            id="an id that stands twice",
        ),
        pytest.param(
            [one("a@x", "A"), one("a@x", "B")],
            ["A", "B"],
            {0: ["/email"], 1: ["/email"]},
            set(),
            id="an address that stands twice",
        ),
    ],
)
def test_where_the_id_is_the_key_it_names_whom_nobody_knows(
    entries: list[Identity], keys: list[str | None], faults: dict[int, list[str]], kept: set[str]
) -> None:
    assert told(settle(entries, REGISTER, "id")) == (keys, faults, kept)


def test_whoever_cannot_be_told_is_counted() -> None:
    assert settle([one("a@x"), one(None), one("b@x"), one(None, "?")], Register(), "email").without_key == [1, 3]


def after(
    entries: list[Identity], key: Key = "email", register: Register = REGISTER, also: frozenset[int] = frozenset()
) -> dict[str, Known]:
    """``also``: the entries that have a fault of their own."""
    settled = settle(entries, register, key)
    return here_after(entries, settled, register, key, settled.faults.keys() | also)


@pytest.mark.parametrize("key", ["email", "id"])
def test_who_was_said_before_is_remembered_by_the_same_key_whatever_comes(key: Key) -> None:
    assert after(EVERYBODY, key) == REGISTER.here
    assert list(after(EVERYBODY[::-1], key)) == list(REGISTER.here)[::-1], "in the order of the body"


def test_nothing_is_learnt_of_somebody_at_fault() -> None:
    before = {key: REGISTER.here[key] for key in ("jane@x", "joe@x")}
    assert after([one("joe@x", "J", JOE), one("jane@x", "M", JANE)]) == before
    assert after([one("joe@x", "J", JOE)]) == before
    assert after([one("new@x", "J"), one("jane@x")]) == {"jane@x": before["jane@x"]}


def test_nothing_is_learnt_of_an_entry_that_has_a_fault_of_its_own() -> None:
    first = frozenset({0})
    assert after([one("new@x", "J", JOE)], also=first) == {"jane@x": REGISTER.here["jane@x"]}
    assert after([one("jane@x", None, JOE)], also=first) == {"jane@x": REGISTER.here["jane@x"]}
    assert after([one("a@x", "A", JOE)], also=first) == {"a@x": Known(id="A", email="a@x")}
    here = after([one("new@x", "J", JANE), one("jane@x", "N"), KIM], also=frozenset({1}))
    assert (here["jane@x"].email, here["N"].email) == ("new@x", "jane@x")


def test_what_an_entry_does_not_say_stays() -> None:
    assert after([one("jane@x")]) == {"jane@x": REGISTER.here["jane@x"]}
    assert after([one(None, "J")]) == {"jane@x": REGISTER.here["jane@x"]}


def test_an_address_that_was_given_on_is_nobody_elses() -> None:
    here = after([one("new@x", "J", JANE), one("jane@x", "N", JOE), KIM])
    assert (here["jane@x"].email, here["N"].email) == ("new@x", "jane@x")
    here = after([one(None, "J"), one("jane@x", "N"), KIM])
    assert (here["jane@x"].email, here["N"].email) == (None, "jane@x")


@pytest.mark.parametrize("key", ["email", "id"])
def test_somebody_new_who_stood_twice_is_the_same_person_once_it_is_put_right(key: Key) -> None:
    for twice in ([one("a@x", "A"), one("a@x", "A")], [one("a@x", "A"), one("b@x", "A")]):
        here = after(twice, key)
        [own] = settle([one("a@x", "A")], Register(here=here), key).keys
        assert own in here


def test_an_exchange_can_be_made_in_three_steps() -> None:
    """As the fault says: whoever has the address is given another first."""
    register = Register(here={key: REGISTER.here[key] for key in ("jane@x", "joe@x")})
    for jane, joe in (("free@x", "joe@x"), ("free@x", "jane@x"), ("joe@x", "jane@x")):
        entries = [one(jane, "J", JANE), one(joe, "M", JOE)]
        settled = settle(entries, register, "email")
        assert told(settled) == (["jane@x", "joe@x"], {}, set())
        register = Register(here=after(entries, register=register))
