"""Whether what cannot be read is one sender's rubbish or a release of ours that cannot read."""

import asyncio
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from shared.contract.account_state import LaneState
from shared.contract.codec import Message, Record, decoder, encode
from shared.errors import Poison, Retryable
from shared.lanes.dead_letters import letter
from shared.lanes.handler import Effects
from shared.lanes.loop import LaneLoop
from shared.lanes.partition import lane_of
from shared.lanes.poison_limit import OTHERS, PoisonWatch, Tally, TooMuchPoison
from shared.lanes.stretch import Stretch
from shared.lanes.view import View
from shared.memory import MemoryFencedHashes, MemoryLog
from shared.service import run_services

SCHOOLS = ("abbey", "priory", "minster")
REASON = Poison("StudentFetched: Expected `str`, got `int` - at `$.student.email`")


def a_watch(schools: tuple[str, ...] = SCHOOLS, **settings: Any) -> PoisonWatch:
    limits: dict[str, Any] = {"share": Fraction(1, 2), "records": 1000, "minimum": 100}
    return PoisonWatch(schools=schools, **(limits | settings))


def some(school: str, count: int, lane: int = 0) -> list[Record]:
    return [Record("students-fetched", lane, number, f"{school}/{number}", b"{") for number in range(count)]


def letters(records: list[Record], reason: Poison = REASON) -> list[Message]:
    return [letter(record, reason) for record in records]


def take(watch: PoisonWatch, sound: list[Record], bad: list[Record], lanes: tuple[int, ...] = (0,)) -> Tally:
    tally = watch.judge(lanes, [*sound, *bad], letters(bad))
    watch.add(tally)
    return tally


def take_one_by_one(watch: PoisonWatch, batches: list[list[Record]], lane: int = 0) -> None:
    for bad in batches:
        take(watch, [], bad, (lane,))


def test_one_senders_rubbish_stops_nobody_else_however_much_it_is() -> None:
    """Fails when records are counted alike instead of schools: 50 batches of nothing but rubbish."""
    watch = a_watch()
    for _ in range(50):
        take(watch, [], some("abbey", 2000))
    take(watch, some("priory", 10), [])


def test_two_of_three_senders_are_more_than_half() -> None:
    watch = a_watch()
    take(watch, [], some("abbey", 2000))
    with pytest.raises(TooMuchPoison, match="67%"):
        take(watch, [], some("priory", 2000))


def test_the_only_school_is_stopped_at_once() -> None:
    with pytest.raises(TooMuchPoison):
        take(a_watch(("abbey",)), [], some("abbey", 2000))


def test_a_share_of_one_never_stops() -> None:
    watch = a_watch(("abbey",), share=Fraction(1))
    for _ in range(5):
        take(watch, [], some("abbey", 2000))


@pytest.mark.parametrize(("sound", "bad", "stops"), [(500, 500, False), (499, 501, True)])
def test_the_share_itself_is_still_let_through(sound: int, bad: int, stops: bool) -> None:
    watch = a_watch(("abbey",))
    take(watch, some("abbey", sound), [])
    if stops:
        with pytest.raises(TooMuchPoison):
            take(watch, [], some("abbey", bad))
    else:
        take(watch, [], some("abbey", bad))


@pytest.mark.parametrize(("bad", "stops"), [(50, False), (51, True)])
def test_a_handful_of_slips_stops_nothing(bad: int, stops: bool) -> None:
    """Fails without the minimum: the first record after a start, if malformed, would be 100 % of what came."""
    watch = a_watch(("abbey",))
    if stops:
        with pytest.raises(TooMuchPoison):
            take(watch, [], some("abbey", bad))
    else:
        take(watch, [], some("abbey", bad))


def test_a_school_that_sent_one_bad_record_does_not_tip_the_balance() -> None:
    watch = a_watch(("abbey", "priory"), share=Fraction(51, 100))
    take(watch, [], some("abbey", 2000))
    take(watch, [], some("priory", 1))


def test_what_came_long_ago_does_not_count() -> None:
    """Fails when batches never leave the window: 2,100 sound records would outweigh 600 bad ones."""
    watch = a_watch(("abbey",))
    for _ in range(21):
        take(watch, some("abbey", 100), [])
    with pytest.raises(TooMuchPoison):
        take_one_by_one(watch, [some("abbey", 100)] * 6)


def test_a_batch_that_is_tried_again_counts_once() -> None:
    watch = a_watch(("abbey",))
    take(watch, some("abbey", 60), [])
    bad = some("abbey", 50)
    for _ in range(10):
        watch.judge((0,), bad, letters(bad))
    watch.add(watch.judge((0,), bad, letters(bad)))


def test_schools_of_other_lanes_do_not_make_it_sound() -> None:
    """Fails when every school of the configuration is in the mean: three of four would never be heard here."""
    schools = tuple(f"s{number}" for number in range(40))
    watch = PoisonWatch(share=Fraction(1, 2), records=1000, minimum=100, schools=schools, partitions=4)
    here = [slug for slug in schools if lane_of(slug, 4) == 2]
    assert 2 < len(here) < 20
    with pytest.raises(TooMuchPoison):
        take_one_by_one(watch, [some(slug, 200, lane=2) for slug in here], lane=2)


def test_keys_that_name_no_school_count_as_one() -> None:
    watch = a_watch()
    for number in range(50):
        assert take(watch, [], some(f"rubbish{number}", 200)).poison == {OTHERS: 200}
    with pytest.raises(TooMuchPoison, match="75%"):
        take_one_by_one(watch, [some(slug, 200) for slug in SCHOOLS])


def test_a_schools_staff_count_as_the_school() -> None:
    """Fails when a book's name is taken for that of a school: rubbish of ``abbey+staff`` would be nobody's."""
    watch = a_watch()
    tally = take(watch, some("abbey", 5), some("abbey+staff", 7))
    assert (tally.records, tally.poison) == ({"abbey": 12}, {"abbey": 7})


def test_more_letters_than_records_are_no_more_than_all() -> None:
    watch = a_watch(("abbey", "priory"))
    bad = some("abbey", 200)
    watch.judge((0,), bad, letters(bad) * 3)


def test_what_stops_it_is_told_without_anybodys_data() -> None:
    bad = some("abbey", 200, lane=3)
    reason = Poison("StudentFetched: Invalid isoformat string: 'Ada Fern' or \"Ada\" - at `$.student.leaving_date`")
    with pytest.raises(TooMuchPoison) as told:
        a_watch(("abbey",)).judge((3,), bad, letters(bad, reason))
    text = str(told.value)
    assert "100%" in text
    assert "poison.share = 50%" in text
    assert "students-fetched/3 at 0: StudentFetched: Invalid isoformat string" in text
    assert "`$.student.leaving_date`" in text
    assert "Ada" not in text
    assert "poison.share = 1.0" in text


# --- in the lane loop ------------------------------------------------------------------------------------------------


class SetsAside:
    """A handler that cannot read what is malformed, and passes the rest on."""

    def handle(self, records: Sequence[Record], view: View) -> Effects:
        bad = [record for record in records if record.value == b"{"]
        passed = [Message("account-changes", 0, one.key, one.value, []) for one in records if one.value != b"{"]
        return Effects([letters(bad) + passed])

    def rebuild(self, lane: int, old: LaneState | None, there: Stretch, reason: str) -> None:
        raise AssertionError("nothing is lost here")


def a_loop(watch: PoisonWatch, store: MemoryFencedHashes, out: MemoryLog) -> LaneLoop:
    loop = LaneLoop(SetsAside(), store, out, lambda lane: (0, 10_000), watch)
    loop.start(0)
    return loop


def test_a_lane_stops_before_any_effect_and_goes_on_from_there() -> None:
    """Fails when the batch is judged after it was published, or its position moved."""
    store, out = MemoryFencedHashes(), MemoryLog()
    store.records[0] = encode(LaneState(lane=0, position=0))
    bad = some("abbey", 200)
    with pytest.raises(TooMuchPoison):
        a_loop(a_watch(("abbey",)), store, out).step({0: bad})
    assert out.messages == []
    assert decoder(LaneState).decode(store.records[0]).position == 0
    a_loop(a_watch(("abbey",), share=Fraction(1)), store, out).step({0: bad})
    assert len(out.of("students-fetched-dlq")) == 200
    assert decoder(LaneState).decode(store.records[0]).position == 200


def test_a_lane_whose_log_is_away_counts_its_batch_once() -> None:
    """Fails when a batch counts before it was taken: ten tries would be a tenfold share."""
    store, out = MemoryFencedHashes(), MemoryLog()
    store.records[0] = encode(LaneState(lane=0, position=0))
    loop = a_loop(a_watch(("abbey",)), store, out)
    for _ in range(10):
        out.fail_after = 10
        with pytest.raises(Retryable):
            loop.step({0: some("abbey", 45)})
    loop.step({0: some("abbey", 45)})
    assert decoder(LaneState).decode(store.records[0]).position == 45


async def test_a_service_that_stops_on_purpose_says_why_and_not_where(caplog: pytest.LogCaptureFixture) -> None:
    class Stops:
        name = "eligibility"

        async def run(self, stop: asyncio.Event) -> None:
            raise TooMuchPoison("too much poison: 100%")

    assert await run_services([Stops()], asyncio.Event()) == 1
    (line,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert line.getMessage() == "eligibility stopped, position unchanged: too much poison: 100%"
    assert line.exc_info is None
