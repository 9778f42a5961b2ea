"""Whose word a tenant's state is: of those who have the operators' key, and of nobody else on its topic."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from services.publisher.tenant_store import tenant_headers
from shared.contract.codec import Message, encode
from shared.contract.deliveries import SnapshotAccepted
from shared.contract.signatures import HEADER
from shared.contract.tenant_state import TenantState
from shared.contract.topics import TENANT_STATE
from tests.unit.publisher.world import World, a_config, a_leaver, an_account

HEAD = "head@abbey.example"
with_ = msgspec.structs.replace


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(a_config(tmp_path))
    world.tell_school(*(an_account(str(n), 5) for n in range(1, 5)))
    world.unitu.accounts = dict.fromkeys(["s1@abbey.example", HEAD], True)
    world.work(until=600)
    return world


def tell(world: World, state: TenantState) -> None:
    """What anybody who may write to the topic can write."""
    state = with_(state, revision=state.revision + 1, writer="stranger")
    told = tenant_headers(TenantState, "any", state.tenant, "2026-11-23T08:00:00.000Z")
    world.out.publish([Message(TENANT_STATE, 0, state.tenant, encode(state), told)])


def test_a_roster_that_nobody_with_the_key_adopted_is_never_sent(world: World) -> None:
    other = World(world.config)
    other.tell_school(*(an_account(str(n), 5) for n in range(1, 5)))
    other.adopt()
    tell(world, with_(other.state, revision=world.state.revision))
    world.publish()
    assert world.unitu.enabled == {"s1@abbey.example", HEAD}
    assert world.state.adoption is None


FORGED: dict[str, Callable[[TenantState], TenantState]] = {
    "a roster of nobody, so that nobody is missed": lambda state: with_(state, roster={}, accounts=None),
    "every address released": lambda state: with_(
        state, email_releases={f"abbey/{n}": f"moved{n}@abbey.example" for n in range(1, 5)}
    ),
    "a number beyond all": lambda state: with_(state, number=10**9),
    "no adoption": lambda state: with_(state, adoption=None),
    "a yes to another key": lambda state: with_(
        state,
        adoption=state.adoption and with_(state.adoption, fingerprint="0" * 16, key_operator="headmaster"),
    ),
    "structure that Unitu does not have": lambda state: with_(state, structure={"programmes": {}}),
    "a release of everything": lambda state: with_(state, releases=dict.fromkeys(["*", "0" * 16], "2026"), held=None),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_nothing_that_a_stranger_says_of_a_tenant_is_so(
    world: World, forged: Callable[[TenantState], TenantState]
) -> None:
    """Each of them is what a person decides, or what was sent: whom a snapshot lacks is compared with that."""
    world.adopt([HEAD, *(f"s{n}@abbey.example" for n in range(1, 5))])
    world.work()
    before = world.state
    world.tell(*(an_account(str(n), 20, email=f"moved{n}@abbey.example") for n in range(1, 5)))
    tell(world, forged(before))
    world.work(until=2000)
    after = world.state
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in range(1, 5)}
    assert (after.adoption, after.roster, after.email_releases) == (before.adoption, before.roster, {})
    assert after.number < 10
    assert after.releases == before.releases
    assert after.writer != "stranger"


def test_an_adoption_of_an_earlier_release_goes_on_and_is_signed(tmp_path: Path) -> None:
    world = World(a_config(tmp_path))
    key = world.config.operators.model_copy(update={"key": None})
    signed, world.config = world.config, world.config.model_copy(update={"operators": key})
    world.restart()
    world.tell_school(*(an_account(str(n), 5) for n in range(1, 5)))
    world.adopt()
    world.work()
    adopted = world.state.adoption
    assert [HEADER in dict(one.headers) for one in world.out.of(TENANT_STATE)].count(True) == 0
    world.config = signed
    world.restart()
    world.tell(a_leaver("4", 20))
    world.tell_school(at=30)
    world.work(until=2000)
    assert world.unitu.enabled == {f"s{n}@abbey.example" for n in range(1, 4)}
    assert world.state.adoption == adopted
    assert HEADER in dict(world.out.of(TENANT_STATE)[-1].headers)
    accepted = len(world.deliveries(SnapshotAccepted))
    tell(world, with_(world.state, roster={}, adoption=None))
    world.publish()
    assert len(world.deliveries(SnapshotAccepted)) == accepted + 1
    assert world.state.adoption == adopted
