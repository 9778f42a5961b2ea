"""Feeds of a few people: a floor of five heads is a school of five."""

from pathlib import Path

import pytest

from tests.unit.gateway.test_pipeline import Pushed, emails
from tests.unit.gateway.world import a_body, pupils


@pytest.mark.parametrize(("before", "after"), [(5, 0), (2, 0), (8, 3), (1, 0)])
async def test_more_than_half_of_a_small_feed_never_goes_by_its_floor(tmp_path: Path, before: int, after: int) -> None:
    pushed = Pushed(tmp_path)
    await pushed.push(a_body(pupils(before)))
    await pushed.push(a_body(pupils(after)))
    assert (pushed.enabled(), pushed.last_close().is_held) == (emails(before), True)


async def test_half_of_a_small_feed_goes(tmp_path: Path) -> None:
    pushed = Pushed(tmp_path)
    await pushed.push(a_body(pupils(8)))
    await pushed.push(a_body(pupils(4)))
    assert pushed.enabled() == emails(4)
