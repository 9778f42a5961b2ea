"""What is away is told once, however many wait for it and however often."""

import logging

import pytest

from shared.errors import Retryable
from shared.work.outage import FORGET_SECONDS, Outage

LOG = logging.getLogger("rollcall.test")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records]


def test_it_is_told_when_the_first_waits_and_when_nobody_does(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(LOG, "it is away", "it is back")
    outage.goes_on("abbey")
    assert [outage.waits(who, Retryable("no answer")) for who in ("abbey", "priory", "abbey")] == [1, 1, 2]
    outage.goes_on("abbey")
    assert told(caplog) == ["it is away: no answer"]
    outage.goes_on("other")
    outage.goes_on("priory")
    assert told(caplog) == ["it is away: no answer", "it is back"]
    assert outage.waits("abbey", Retryable("no answer")) == 1


@pytest.mark.parametrize(("after", "attempt"), [(FORGET_SECONDS - 0.1, 2), (FORGET_SECONDS, 1)])
def test_whom_another_process_has_taken_over_is_forgotten(after: float, attempt: int) -> None:
    ticks = [100.0]
    outage = Outage(LOG, "away", "back", lambda: ticks[0])
    outage.waits("abbey", Retryable("no answer"))
    ticks[0] += after
    assert outage.waits("abbey", Retryable("no answer")) == attempt
