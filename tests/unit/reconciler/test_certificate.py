"""What a certificate proves: the roll that it names, when it is here whole, and the content over it."""

from typing import Any

import pytest

from services.reconciler.certificate import roll_of, sum_of
from shared.contract.account_state import AccountState
from shared.contract.codec import content_sum, roll_hash
from shared.contract.events import Certificate, RollRead
from shared.structs import replace
from tests.harness.builders import SCHOOL
from tests.unit.reconciler.accounts import a_school, disabled, enabled

A, B, C, D = (str(3050000001 + n) for n in range(4))
LAST = frozenset({A, B})
NEW = [A, C, D]


def a_chunk(number: int, *ids: str, of: int = 2) -> RollRead:
    return RollRead(school=SCHOOL, sweep="s9", chunk=number, chunks=of, ids=ids)


def certificate(ids: list[str], **fields: Any) -> Certificate:
    sound: dict[str, Any] = {"roll_hash": roll_hash(ids), "roll_count": len(ids), "content_sum": "0" * 32}
    return Certificate(**(sound | fields))


@pytest.mark.parametrize(
    ("named", "chunks", "roll"),
    [
        pytest.param(certificate([A, B]), [], LAST, id="the last one, and no chunk"),
        pytest.param(certificate([A, B]), [a_chunk(0, C)], LAST, id="the last one, whatever came"),
        pytest.param(certificate(NEW), [a_chunk(0, A, C), a_chunk(1, D)], frozenset(NEW), id="all chunks"),
        pytest.param(certificate(NEW), [a_chunk(1, D), a_chunk(0, A, C)], frozenset(NEW), id="in any order"),
        pytest.param(
            certificate(NEW), [a_chunk(0, A, C), a_chunk(1, D), a_chunk(1, D)], frozenset(NEW), id="one of them twice"
        ),
        pytest.param(certificate(NEW), [a_chunk(0, *NEW, of=1)], frozenset(NEW), id="a single chunk"),
        pytest.param(certificate(NEW), [], None, id="another, and no chunk"),
        pytest.param(certificate(NEW), [a_chunk(0, A, C)], None, id="the last chunk is missing"),
        pytest.param(certificate(NEW), [a_chunk(1, D)], None, id="the first chunk is missing"),
        pytest.param(certificate(NEW), [a_chunk(0, *NEW)], None, id="a chunk is missing though the ids are whole"),
        pytest.param(
            certificate(NEW), [a_chunk(0, A, C), a_chunk(1, D, of=3)], None, id="two chunks that disagree how many"
        ),
        pytest.param(certificate(NEW), [a_chunk(0, A, C), a_chunk(1, B)], None, id="another id than certified"),
        pytest.param(certificate(NEW), [a_chunk(0, A, C), a_chunk(1, D, A)], None, id="an id twice"),
        pytest.param(
            certificate(NEW, roll_count=4), [a_chunk(0, A, C), a_chunk(1, D, A)], None, id="an id twice, counted twice"
        ),
        pytest.param(certificate(NEW, roll_count=2), [a_chunk(0, A, C), a_chunk(1, D)], None, id="another count"),
        pytest.param(certificate([]), [], None, id="nobody at all"),
    ],
)
def test_a_roll_is_here_whole_or_not_at_all(
    named: Certificate, chunks: list[RollRead], roll: frozenset[str] | None
) -> None:
    assert roll_of(a_school(roll_hash=roll_hash([A, B])), named, LAST, chunks) == roll


def test_before_the_first_roll_there_is_no_last_one() -> None:
    assert roll_of(a_school(roll_hash=None), certificate([A]), frozenset(), []) is None


def digest_of(student: str, digest: str | None = None) -> AccountState:
    return enabled(student, digest=digest or student[-1] * 32)


@pytest.mark.parametrize(
    ("roll", "states", "parts"),
    [
        pytest.param([A, B], {}, {A: "1" * 32, B: "2" * 32}, id="the same roll asks for nobody"),
        pytest.param([A], {B: digest_of(B)}, {A: "1" * 32}, id="one who left"),
        pytest.param([A, B, C], {C: digest_of(C)}, {A: "1" * 32, B: "2" * 32, C: "3" * 32}, id="one who joined"),
        pytest.param([A, C], {B: digest_of(B), C: digest_of(C)}, {A: "1" * 32, C: "3" * 32}, id="one for another"),
        pytest.param([A, B, C], {}, {A: "1" * 32, B: "2" * 32}, id="who joined and was never read adds nothing"),
        pytest.param([A, B, C], {C: disabled(C)}, {A: "1" * 32, B: "2" * 32}, id="nor who was disabled by absence"),
    ],
)
def test_the_sum_runs_from_the_last_roll_to_this_one(
    roll: list[str], states: dict[str, AccountState], parts: dict[str, str]
) -> None:
    school = a_school(content_sum=content_sum({A: "1" * 32, B: "2" * 32}))
    assert sum_of(school, LAST, frozenset(roll), states) == content_sum(parts)


def test_another_digest_is_another_sum() -> None:
    school = a_school(content_sum=content_sum({A: "1" * 32, B: "2" * 32}))
    joined = {C: digest_of(C)}
    other = {C: replace(digest_of(C), digest="0" * 32)}
    assert sum_of(school, LAST, LAST | {C}, joined) != sum_of(school, LAST, LAST | {C}, other)
