"""What is due when."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.fetcher.sweep import due_times
from services.fetcher.sweep.cache import AreaState, SchoolMemory
from shared.clock import write

NOW = datetime(2026, 9, 1, 6, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def state(
    full_at: datetime | None = NOW - timedelta(hours=3), version: str = "v1", roll: str | None = "aa"
) -> SchoolMemory:
    return SchoolMemory(roll_hash=roll, full_at=write(full_at) if full_at else None, settings_version=version)


@pytest.mark.parametrize(
    ("known", "hours", "is_full"),
    [
        pytest.param(state(), 24.0, False, id="three hours ago"),
        pytest.param(state(None), 24.0, True, id="never"),
        pytest.param(state(roll=None), 24.0, True, id="without a roll"),
        pytest.param(state(version="v0"), 24.0, True, id="other settings"),
        pytest.param(state(NOW - timedelta(hours=24)), 24.0, True, id="a day ago"),
        pytest.param(state(NOW - timedelta(hours=23, minutes=59)), 24.0, True, id="a new academic year since"),
        pytest.param(state(), 0.0, True, id="always, with zero hours"),
        pytest.param(state(), 3.0, True, id="exactly as old as it may be"),
        pytest.param(state(NOW + timedelta(hours=1)), 24.0, False, id="of a clock that is a little ahead"),
        pytest.param(state(NOW + timedelta(hours=1, seconds=1)), 24.0, True, id="of a clock that was far ahead"),
        pytest.param(state(NOW + timedelta(days=8)), 24.0, True, id="of next week"),
    ],
)
def test_a_full_sweep_is_due(known: SchoolMemory, hours: float, is_full: bool) -> None:
    reason = due_times.full_because(known, NOW, version="v1", hours=hours, zone=LONDON, year_start=(9, 1))
    assert bool(reason) is is_full


def test_the_academic_year_begins_at_the_schools_midnight() -> None:
    """23:30 UTC on 31 August is 1 September in London, where summer time runs."""
    before, after = datetime(2026, 8, 31, 22, 30, tzinfo=UTC), datetime(2026, 8, 31, 23, 30, tzinfo=UTC)
    for zone, expected in ((LONDON, True), (ZoneInfo("UTC"), False)):
        reason = due_times.full_because(state(before), after, version="v1", hours=24, zone=zone, year_start=(9, 1))
        assert bool(reason) is expected


@pytest.mark.parametrize(("day", "year"), [((8, 31), 2025), ((9, 1), 2026), ((12, 31), 2026), ((1, 1), 2025)])
def test_an_academic_year_is_named_by_its_first_calendar_year(day: tuple[int, int], year: int) -> None:
    assert due_times.academic_year(datetime(2026, *day).date(), (9, 1)) == year


def test_areas_come_due_by_themselves_and_all_in_a_full_sweep() -> None:
    states = {"sets": AreaState(due_at=NOW.timestamp() + 1), "structure": AreaState(due_at=NOW.timestamp())}
    names = ("statuses", "structure", "sets")
    assert due_times.areas_due(states, names, NOW, full=False) == ["statuses", "structure"]
    assert due_times.areas_due(states, names, NOW, full=True) == list(names)


def test_what_was_read_at_a_time_to_come_is_due() -> None:
    """Fails when a fetcher whose clock was a day ahead keeps a school's sets waiting for a day."""
    later = NOW + timedelta(days=1)
    read = {"sets": AreaState(due_at=later.timestamp(), read_at=write(later))}
    rested = {"sets": AreaState(due_at=later.timestamp(), read_at=write(NOW + timedelta(hours=1)))}
    assert due_times.areas_due(read, ("sets",), NOW, full=False) == ["sets"]
    assert due_times.areas_due(rested, ("sets",), NOW, full=False) == []


def test_a_reading_rests_only_once_it_was_certified() -> None:
    read = due_times.area_read(AreaState(due_at=5.0, trouble="away", failures=3), "2026-09-01T06:00:00.000Z")
    assert (read.due_at, read.trouble, read.failures) == (5.0, "", 0)
    certified = due_times.area_certified(read, NOW, 6)
    assert certified.due_at == NOW.timestamp() + 6 * 3600
    assert certified.read_at == read.read_at


def test_an_area_that_fails_rests_longer_each_time_but_not_beyond_its_pace() -> None:
    area, waits = AreaState(read_at="kept"), []
    for _ in range(12):
        area = due_times.area_failed(area, NOW, "403", 6)
        waits.append(area.due_at - NOW.timestamp())
    assert waits[:3] == [60, 120, 240]
    assert waits[-1] == 6 * 3600
    assert (area.read_at, area.trouble) == ("kept", "403")
    assert due_times.area_failed(AreaState(), NOW, "403", 0).due_at == NOW.timestamp()


@pytest.mark.parametrize(
    ("failures", "poll", "asked", "jitter", "seconds"),
    [
        pytest.param(1, 300, None, 0.0, 15, id="a hiccup is over soon"),
        pytest.param(3, 300, None, 0.0, 60, id="longer each time"),
        pytest.param(99, 300, None, 0.0, 900, id="a school that is back is read within a quarter of an hour"),
        pytest.param(99, 3600, None, 0.0, 3600, id="or by its own pace"),
        pytest.param(1, 1, None, 0.0, 1, id="a fast school begins at its own pace"),
        pytest.param(3, 300, None, 1.0, 30, id="jitter takes up to half"),
        pytest.param(1, 300, 120.0, 1.0, 120, id="what the school asked for is the least"),
    ],
)
def test_a_school_rests_after_a_failure(
    failures: int, poll: float, asked: float | None, jitter: float, seconds: float
) -> None:
    assert due_times.retry_seconds(failures, poll, asked, jitter) == seconds
