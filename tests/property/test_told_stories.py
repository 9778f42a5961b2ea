"""Stories that a long run has found, each cut down to what it needs: whatever is drawn, these are told."""

from typing import Any

import pytest

from services.sandbox.unitu.rules import Rules
from tests.property.drawn import EXIST, LESS
from tests.property.test_agreement import AgreementMachine

PLAIN: dict[str, Any] = {
    "first_name": "Ada",
    "year": None,
    "phone": None,
    "personal_email": None,
    "programmes": (),
    "modules": (),
}
IN_SETS = PLAIN | {"modules": ("Y10-ART", "Y10-HIS")}
TENANT: dict[str, Any] = {
    "schools": ("abbey",),
    "pushed": (),
    "is_managed": False,
    "protects": "nobody",
    "email_change": "hold",
    "entities": EXIST,
    "knows_entities": True,
    "rules": Rules(),
    "had": set(),
    "is_in_capitals": False,
    "is_disabled": set(),
    "knows_ids": False,
    "undecided": set(),
    "list": "all",
    "loses": None,
    "details": (PLAIN, PLAIN),
}
PROTECTED = {"protects": "one of ours"}
TWO_SCHOOLS = {"schools": ("abbey", "brook")}
Step = tuple[str, dict[str, Any]]


def changes(at: int, variant: str = "", details: dict[str, Any] = PLAIN) -> Step:
    return "some_join_or_change", {"changes": [(at, variant, details, True)]}


def unnoticed(at: int, fault: str, *, leaves: bool) -> Step:
    return "one_changes_and_nobody_knows", {"at": at, "details": PLAIN, "fault": fault, "leaves": leaves}


def flickers(at: int, details: dict[str, Any], records: int, seconds: float) -> Step:
    told = {"at": at, "details": details, "records": records, "seconds": seconds}
    return "one_leaves_and_returns_before_a_slow_view", told


def stale(*several: int) -> Step:
    return "a_stale_owner_writes", {"several": [*several], "is_all_that_is_left": True}


def yes(list: str = "none") -> Step:
    return "says_yes", {"list": list}


SWEPT: Step = ("everything_is_swept", {})
STORIES: list[Any] = [
    pytest.param(
        PROTECTED | TWO_SCHOOLS,
        [unnoticed(6, "refuses one", leaves=True), changes(5, "-new")],
        id="whose protected record is refused changes their address",
    ),
    pytest.param(
        PROTECTED | TWO_SCHOOLS,
        [("account_state_loses", {"at": 5}), changes(2, "", PLAIN | {"phone": "1"}), changes(5, "-new")],
        id="who is protected is lost, and returns under another address",
    ),
    pytest.param(
        PROTECTED | {"undecided": {"abbey/a1"}},
        [changes(0, "-new"), changes(0), changes(1, "", IN_SETS)],
        id="who is protected was undecided at first",
    ),
    pytest.param(
        PROTECTED,
        [
            ("one_leaves", {"at": 2, "is_seen": True}),
            unnoticed(3, "refuses one", leaves=True),
            flickers(5, PLAIN, 3, 5.0),
            yes(),
            flickers(0, PLAIN, 2, 5.0),
            flickers(5, PLAIN, 1, 5.0),
        ],
        id="a yes while a protected record is refused",
    ),
    pytest.param(
        PROTECTED | {"undecided": {"abbey/a1"}},
        [("unitu_will", {"fault": "refuses one"}), ("one_leaves_and_returns", {"at": 1, "details": PLAIN}), yes("all")],
        id="a yes while a protected record is refused, and its owner undecided",
    ),
    pytest.param(
        TWO_SCHOOLS | {"undecided": {"abbey/a2"}, "had": {"abbey/a2"}},
        [("one_has_the_address_of_another", {"at": 4, "other": 6, "details": PLAIN, "is_seen": True}), yes()],
        id="somebody claims the address of one who is undecided and kept",
    ),
    pytest.param(
        {"details": (PLAIN, PLAIN | {"programmes": ("Y11",)})},
        [
            ("a_school_lists", {"structure": LESS, "school": 1}),
            stale(0),
            ("account_state_loses", {"at": 3}),
            SWEPT,
        ],
        id="a rebuild while somebody is in what the school no longer lists",
    ),
    pytest.param(
        {},
        [
            changes(1, "", IN_SETS | {"programmes": ("Y10",)}),
            stale(1),
            ("account_state_loses", {"at": 2}),
            yes("all"),
            ("one_has_the_address_of_another", {"at": 2, "other": 3, "details": PLAIN, "is_seen": True}),
        ],
        id="a yes after a rebuild from a stale record",
    ),
    pytest.param(
        {},
        [flickers(6, IN_SETS, 3, 5.0), unnoticed(5, "crash", leaves=False), SWEPT, flickers(6, IN_SETS, 3, 150.0)],
        id="who is held may be in more since a post of unknown outcome",
    ),
    pytest.param(
        {},
        [unnoticed(3, "crash", leaves=True), ("works", {"seconds": 150.0}), SWEPT],
        id="a post that took somebody out, and of which nobody learnt",
    ),
    pytest.param(
        {},
        [
            ("unitu_will", {"fault": "refused in part"}),
            changes(1, "", PLAIN | {"year": 3}),
            ("one_leaves_and_returns", {"at": 1, "details": PLAIN | {"year": 3}}),
        ],
        id="who was changed in part leaves and returns",
    ),
    pytest.param(
        {"loses": 3, "undecided": {"abbey/a1"}},
        [unnoticed(3, "refused in part", leaves=False), ("one_leaves", {"at": 3, "is_seen": True})],
        id="who came by a body that was taken in part leaves",
    ),
    pytest.param(
        {"email_change": "send"},
        [
            ("one_has_the_address_of_another", {"at": 2, "other": 3, "details": PLAIN, "is_seen": True}),
            ("some_join_or_change", {"changes": [(3, "-new", PLAIN, False)]}),
            unnoticed(1, "busy", leaves=False),
        ],
        id="a leaver may be back under another address, and somebody wants the one they had",
    ),
    pytest.param(
        PROTECTED | TWO_SCHOOLS | {"loses": 5},
        [changes(5, "-new"), changes(0, "", IN_SETS), SWEPT],
        id="who is protected has a second account from when nobody could know",
    ),
    pytest.param(
        TWO_SCHOOLS | {"loses": 2},
        [
            ("unitu_will", {"fault": "crash"}),
            changes(4, "", PLAIN | {"programmes": ("Y11",)}),
            changes(0, "", IN_SETS),
            flickers(0, PLAIN, 4, 150.0),
        ],
        id="who is held joins what their record has while another outcome is unknown",
    ),
    pytest.param(
        {"had": {"abbey/a2"}, "is_disabled": {"abbey/a2"}, "undecided": {"abbey/a2"}},
        [("a_backup_is_made", {}), changes(1), ("the_backup_is_restored", {"has_redis": True}), SWEPT],
        id="a backup from before an account that no list had was found",
    ),
    pytest.param(
        {"undecided": {"abbey/a3"}},
        [stale(6), changes(5), yes(), ("one_leaves_and_returns", {"at": 2, "details": PLAIN})],
        id="who was adopted leaves before it was delivered, and returns",
    ),
    pytest.param({"loses": 3}, [SWEPT], id="who was adopted and lost before it was delivered comes back"),
    pytest.param(
        TWO_SCHOOLS | {"undecided": {"abbey/a2"}, "email_change": "send"},
        [
            ("a_backup_is_made", {}),
            ("one_has_the_address_of_another", {"at": 0, "other": 1, "details": PLAIN, "is_seen": True}),
            ("the_views_store_is_put_back", {}),
            yes("all"),
        ],
        id="a yes by an old view while the address of one who is undecided is another's",
    ),
    pytest.param(
        {"loses": 1},
        [
            ("a_backup_is_made", {}),
            SWEPT,
            ("lets_go", {}),
            ("the_backup_is_restored", {"has_redis": False}),
            flickers(6, PLAIN, 3, 5.0),
            SWEPT,
        ],
        id="a backup from before somebody let an address go",
    ),
    pytest.param(
        {},
        [("a_backup_is_made", {}), ("the_backup_is_restored", {"has_redis": True}), flickers(0, PLAIN, 6, 5.0)],
        id="a backup, and a join that a school told before it was read again",
    ),
    pytest.param(
        {"loses": 0, "had": {"abbey/a1"}, "list": "none"},
        [],
        id="who was in the first roster alone is lost before it was delivered",
    ),
    pytest.param(
        {"is_managed": True, "is_in_capitals": True, "had": {"abbey+staff/t1"}},
        [("one_leaves", {"at": 3, "is_seen": True}), ("lets_go", {})],
        id="the last of the staff is let go, in a list's capitals",
    ),
]


@pytest.mark.parametrize(("tenant", "story"), STORIES)
def test_a_story_that_was_found(tenant: dict[str, Any], story: list[Step]) -> None:
    machine = AgreementMachine()
    try:
        machine.begins(drawn=TENANT | tenant)
        machine.all_agree()
        for rule, told in story:
            getattr(machine, rule)(**told)
            machine.all_agree()
    finally:
        machine.teardown()
