"""When a snapshot goes."""

from typing import Any

import pytest

from services.publisher import pacing
from services.publisher.pacing import Burst
from shared.clock import write
from shared.config.settings import Tenant
from shared.contract.tenant_state import Accepted, Adoption, Held, Intent, Simulated, TenantState, Unknown
from tests.unit.publisher.world import START

NOW = START.timestamp()


def at(seconds: float) -> str:
    from datetime import timedelta

    return write(START + timedelta(seconds=seconds))


def tenant(**settings: Any) -> Tenant:
    sound: dict[str, Any] = {"mode": "live", "quiet_seconds": 2.0, "max_delay_seconds": 15.0}
    return Tenant.model_construct(**{name: one.default for name, one in Tenant.model_fields.items()} | sound | settings)


def state(**fields: Any) -> TenantState:
    return TenantState(tenant="abbey", **fields)


def accepted(seconds: float, digest: str = "d") -> Accepted:
    return Accepted(number=1, accepted_at=at(seconds), roster_hash="", digest=digest)


def adopted(seconds: float) -> Adoption:
    return Adoption(
        adopted_at=at(seconds),
        bound="",
        roster_hash="",
        roster_count=0,
        disabled_count=0,
        schools=(),
        staff=False,
        url="",
    )


def test_a_burst_goes_on_while_changes_follow_each_other() -> None:
    first = pacing.extended(None, 100.0, 2.0)
    second = pacing.extended(first, 101.5, 2.0)
    assert second == Burst(100.0, 101.5)
    assert pacing.extended(second, 110.0, 2.0) == Burst(110.0, 110.0)


@pytest.mark.parametrize(
    ("burst", "attempted_at", "expected"),
    [
        (Burst(100, 100), 0, 102),
        (Burst(100, 110), 0, 112),
        (Burst(100, 114), 0, 115),
        (Burst(100, 200), 0, 115),
        (Burst(100, 200), 190, 202),
        (Burst(100, 200), 300, 202),
    ],
)
def test_silence_or_the_longest_delay(burst: Burst, attempted_at: float, expected: float) -> None:
    assert pacing.quiet_at(burst, tenant(), attempted_at) == expected


@pytest.mark.parametrize(
    ("known", "is_asked", "wait"),
    [
        pytest.param(state(), False, 0, id="nothing was ever sent"),
        pytest.param(state(accepted=accepted(-100)), False, 200, id="not within five minutes of the last"),
        pytest.param(state(accepted=accepted(-100)), True, 0, id="a person does not wait for that"),
        pytest.param(state(accepted=accepted(-400)), False, 0, id="six minutes ago"),
        pytest.param(state(accepted=accepted(-100), adoption=adopted(-50)), False, 0, id="adopted since"),
        pytest.param(state(not_before=at(30)), False, 30, id="backing off"),
        pytest.param(state(not_before=at(30)), True, 0, id="a person does not wait for that either"),
        pytest.param(
            state(intent=Intent(number=1, begun_at=at(0), ends_at=at(60), roster_hash="", digest="")),
            True,
            60,
            id="an open POST is waited out by everybody",
        ),
        pytest.param(state(held=Held(kind="rejected", reasons=(), since=at(-3600))), False, 23 * 3600, id="rejected"),
        pytest.param(state(held=Held(kind="rejected", reasons=(), since=at(0))), True, 0, id="a person acted"),
        pytest.param(state(held=Held(kind="hold", reasons=(), since=at(0))), False, 0, id="held: looked at again"),
    ],
)
def test_nothing_goes_before_its_time(known: TenantState, is_asked: bool, wait: float) -> None:
    found = pacing.not_before(known, tenant(), NOW, is_asked=is_asked)
    assert max(0.0, found - NOW) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("known", "is_asked", "cause"),
    [
        (state(), False, "first"),
        (state(accepted=accepted(-10), resend_at=at(10)), False, None),
        (state(accepted=accepted(-10), resend_at=at(10)), True, "request"),
        (state(accepted=accepted(-10), resend_at=at(0)), False, "resend"),
        (state(accepted=accepted(-10), resend_at=None), False, "resend"),
        (state(accepted=accepted(-10, "other"), resend_at=at(10)), False, "change"),
        (state(accepted=accepted(-10), resend_at=at(10), unknown=Unknown()), False, "retry"),
        (state(accepted=accepted(-10), resend_at=at(10), adoption=adopted(-5)), False, "adoption"),
        (state(accepted=accepted(-10), resend_at=at(10), adoption=adopted(-50)), False, None),
    ],
)
def test_why_the_newest_goes(known: TenantState, is_asked: bool, cause: str | None) -> None:
    assert pacing.cause(known, tenant(), "d", NOW, is_asked=is_asked) == cause


def test_a_dry_run_is_compared_with_the_last_dry_run() -> None:
    known = state(simulated=Simulated(simulated_at=at(-10), digest="d"), resend_at=at(10))
    assert pacing.cause(known, tenant(mode="dry-run"), "d", NOW, is_asked=False) is None
    assert pacing.cause(known, tenant(mode="dry-run"), "e", NOW, is_asked=False) == "change"
    assert pacing.cause(known, tenant(), "d", NOW, is_asked=False) == "first"


def test_the_newest_goes_again_soon_after_a_change_and_daily_after_that() -> None:
    assert pacing.resend_seconds("change", tenant()) == 3600
    assert pacing.resend_seconds("resend", tenant()) == 86_400
    assert pacing.resend_seconds("change", tenant(resend_hours=0.5)) == 1800


@pytest.mark.parametrize("retries", [1, 2, 5, 50])
def test_back_off_is_capped(retries: int) -> None:
    assert 0 < pacing.retry_seconds(tenant(retry_max_seconds=30.0), retries, None) <= 30
    assert pacing.retry_seconds(tenant(retry_max_seconds=0.0), retries, None) == 0


def test_unitus_own_wish_is_honoured_up_to_a_limit() -> None:
    assert pacing.retry_seconds(tenant(retry_max_seconds=1.0), 1, 120.0) == 120
    assert pacing.retry_seconds(tenant(retry_max_seconds=1.0), 1, 1e9) == pacing.RETRY_AFTER_CAP_SECONDS
