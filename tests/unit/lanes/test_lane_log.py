"""A lane whose log is another, or shorter, than it was: noticed between batches and in the middle of them."""

from collections.abc import Sequence

import pytest

from shared.contract.account_state import LaneState
from shared.contract.codec import Record, decoder, encode
from shared.errors import Retryable
from shared.lanes.handler import Effects
from shared.lanes.loop import LaneLoop
from shared.lanes.stretch import Stretch
from shared.lanes.view import View
from shared.memory import MemoryFencedHashes, MemoryLog

LANE = 2


class World:
    """A handler that remembers what it took, on a log that can be made anew. ``start``: a new process."""

    def __init__(self) -> None:
        self.store = MemoryFencedHashes()
        self.log, self.first, self.end = "one", 0, 0
        self.epochs: dict[int, int] = {}
        self.epoch, self.looks = 4, 0
        self.taken: list[int] = []
        self.reasons: list[str] = []
        self.start()

    def start(self) -> None:
        self.loop = LaneLoop(
            *(self, self.store, MemoryLog(), lambda lane: (self.first, self.end)),
            log_id=lambda: self.log,
            epoch_at=self.epoch_at,
        )
        self.read = self.loop.start(LANE)

    def epoch_at(self, lane: int, offset: int) -> int | None:
        self.looks += 1
        return self.epochs.get(offset)

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        self.taken += [record.offset for record in records]
        return Effects()

    def rebuild(self, lane: int, old: LaneState | None, there: Stretch, reason: str) -> None:
        self.reasons.append(reason)
        base = 0 if old is None else old.position - there.first
        state = LaneState(lane=lane, position=there.first + base, base=base, log=there.log)
        self.store.replace(lane, self.store.read(lane).lane, encode(state), {})

    @property
    def state(self) -> LaneState:
        found: LaneState = decoder(LaneState).decode(self.store.records[LANE])
        return found

    def take(self, *offsets: int) -> dict[int, int]:
        self.epochs |= dict.fromkeys(offsets, self.epoch)
        records = [Record("topic", LANE, offset, "abbey", b"", epoch=self.epoch) for offset in offsets]
        return self.loop.step({LANE: records})

    def cut(self, offset: int, *, then: int) -> None:
        """What the log had from there on is lost, and others have come under another leader."""
        self.epoch += 1
        self.epochs = {at: epoch for at, epoch in self.epochs.items() if at < offset}
        self.epochs |= dict.fromkeys(range(offset, then), self.epoch)
        self.end = then


@pytest.fixture
def world() -> World:
    """Ten records were taken."""
    world = World()
    world.end = 10
    assert world.take(*range(10)) == {}
    world.reasons.clear()
    return world


def test_a_log_that_is_as_it_was_is_left_alone(world: World) -> None:
    assert world.loop.heal(LANE) is None
    world.end = 30
    assert world.loop.heal(LANE) is None
    assert (world.reasons, world.state.log) == ([], "one")


@pytest.mark.parametrize("end", [0, 3, 10, 40], ids=["empty", "shorter", "as long", "longer"])
def test_a_topic_made_anew_is_read_from_its_first_record_however_long_it_is(world: World, end: int) -> None:
    world.log, world.end = "another", end
    assert world.loop.heal(LANE) == 0
    assert world.reasons == ["its topic was made anew"]
    assert (world.state.base, world.state.log) == (10, "another")
    assert world.loop.heal(LANE) is None, "and once"


@pytest.mark.parametrize(("end", "is_cut"), [(9, True), (10, False)])
def test_a_log_cut_short_is_noticed_while_nothing_arrives(world: World, end: int, is_cut: bool) -> None:
    """As after an election of a replica that lagged, or a power cut: the topic is the same."""
    world.end = end
    assert (world.loop.heal(LANE) == 0) is is_cut
    assert ["cut short" in reason for reason in world.reasons] == [True] * is_cut


def test_a_batch_from_before_the_position_has_the_log_looked_at(world: World) -> None:
    """Fails when such a batch is passed over as taken: the lane would sleep until the new log outgrows the old."""
    world.log, world.end = "another", 3
    assert world.take(0, 1, 2) == {LANE: 0}
    assert world.reasons == ["its topic was made anew"]
    assert world.take(0, 1, 2) == {}
    assert world.taken[-3:] == [10, 11, 12]


def test_the_batch_that_was_just_taken_comes_again_and_is_passed_over(world: World) -> None:
    """As when another lane's part of it could not be taken."""
    world.end = 12
    assert world.take(10, 11) == {}
    assert world.take(10, 11) == {}
    assert (world.reasons, world.taken) == ([], list(range(12)))


def test_a_log_made_anew_while_nobody_ran_is_noticed_at_the_start(world: World) -> None:
    world.log, world.end = "another", 500
    world.start()
    assert (world.read, world.reasons) == (0, ["its topic was made anew"])


def test_what_an_older_release_wrote_is_of_the_log_that_is_there(world: World) -> None:
    world.store.records[LANE] = encode(LaneState(lane=LANE, position=10))
    world.start()
    assert (world.read, world.reasons) == (10, [])
    world.end = 11
    world.take(10)
    assert world.state.log == "one"


def test_edges_of_one_topic_are_never_taken_for_anothers(world: World) -> None:
    ids = iter(["one", "another"])
    world.loop._log_id = lambda: next(ids)
    with pytest.raises(Retryable, match="being made anew"):
        world.loop.heal(LANE)


def test_a_log_cut_short_that_has_grown_again_is_noticed_by_the_leaders_epoch(world: World) -> None:
    """Fails when only the edges are looked at: what came in place of what was lost is never taken."""
    world.cut(6, then=20)
    assert world.take(10, 11) == {LANE: 0}
    assert ["cut short" in reason for reason in world.reasons] == [True]
    assert world.state.leader_epoch == -1


def test_a_log_cut_short_while_nobody_ran_is_noticed_at_the_start(world: World) -> None:
    world.cut(6, then=20)
    world.start()
    assert (world.read, ["cut short" in reason for reason in world.reasons]) == (0, [True])


@pytest.mark.parametrize("cut", [6, 10], ids=["something was lost", "nothing was"])
def test_a_batch_that_is_read_from_the_start_again_has_the_epoch_looked_at(world: World, cut: int) -> None:
    """As the client does when it notices for itself."""
    world.cut(cut, then=20)
    assert world.take(0, 1, 2) == ({LANE: 0} if cut == 6 else {LANE: 10})
    assert len(world.reasons) == (cut == 6)


def test_another_leader_of_the_same_log_costs_one_look(world: World) -> None:
    world.cut(10, then=14)
    world.looks = 0
    assert world.take(10, 11) == {}
    assert world.take(12, 13) == {}
    assert (world.reasons, world.looks, world.state.leader_epoch) == ([], 1, 5)


def test_a_record_that_was_compacted_away_tells_nothing(world: World) -> None:
    world.epoch, world.epochs = 5, {}
    world.end = 12
    assert world.take(10, 11) == {}
    assert world.reasons == []


def test_the_look_every_five_seconds_fetches_nothing(world: World) -> None:
    world.looks = 0
    assert world.loop.heal(LANE) is None
    assert world.looks == 0
