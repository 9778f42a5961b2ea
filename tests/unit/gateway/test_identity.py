"""Who is who when keys are missing, or stand twice."""

import pytest

from services.gateway.identity import Identity, settle

LAST = {"jane@x": "J", "joe@x": "M", "kim@x": None, "twin1@x": "T", "twin2@x": "T"}


def one(key: str | None, other: str | None = None) -> Identity:
    return Identity(key, other)


@pytest.mark.parametrize(
    ("entries", "keys", "twice"),
    [
        pytest.param([one("a@x", "A"), one("b@x")], ["a@x", "b@x"], set(), id="everybody has a key"),
        pytest.param([one(None, "J")], ["jane@x"], set(), id="known by the other field"),
        pytest.param([one(None, "new")], [None], set(), id="nobody knows the other field"),
        pytest.param([one(None)], [None], set(), id="nothing says who it is"),
        pytest.param([one(None, "T")], [None], set(), id="two had this other field"),
        pytest.param([one("jane@x", "N"), one(None, "J")], ["jane@x", None], set(), id="that one is here already"),
        pytest.param([one("a@x", "J"), one(None, "J")], ["a@x", None], set(), id="two have the other field now"),
        pytest.param([one(None, "J"), one(None, "J")], ["jane@x", "jane@x"], set(), id="one person, twice keyless"),
        pytest.param([one("a@x", "A"), one("a@x", "A")], ["a@x", "a@x"], {"a@x"}, id="one person, twice"),
        pytest.param([one("a@x", "J"), one("a@x", "J")], ["a@x", "a@x"], {"a@x"}, id="Jane's new e-mail, twice"),
        pytest.param([one("a@x", "A"), one("a@x", "B")], ["a@x", None], {"a@x"}, id="two persons, both unknown"),
        pytest.param([one("a@x"), one("a@x")], ["a@x", None], {"a@x"}, id="two entries without the other field"),
        pytest.param(
            [one("jane@x", "M"), one("jane@x", "J")], ["joe@x", "jane@x"], {"jane@x"}, id="Joe has Jane's by mistake"
        ),
        pytest.param(
            [one("jane@x", "N"), one("jane@x", "J")], [None, "jane@x"], {"jane@x"}, id="a stranger has Jane's"
        ),
        pytest.param(
            [one("jane@x", "N"), one("jane@x", "M")], ["jane@x", "joe@x"], {"jane@x"}, id="one of two is known"
        ),
        pytest.param(
            [one("a@x", "J"), one("a@x", "M")], ["jane@x", "joe@x"], {"a@x"}, id="both are known to be others"
        ),
        pytest.param(
            [one("joe@x", "M"), one("jane@x", "J"), one("jane@x", "M")],
            ["joe@x", "jane@x", None],
            {"jane@x"},
            id="Joe's id stands under two keys, so it tells nothing",
        ),
    ],
)
def test_an_entry_is_who_it_must_be_or_nobody(entries: list[Identity], keys: list[str | None], twice: set[str]) -> None:
    settled = settle(entries, LAST)
    assert (settled.keys, settled.twice) == (keys, twice)


def test_whoever_cannot_be_told_is_counted() -> None:
    assert settle([one("a@x"), one(None), one("b@x"), one(None, "?")], {}).without_key == [1, 3]
