"""What is sent to Redis goes a piece at a time, so that a time-out is of a piece."""

import pytest

from shared.redis.client import PIECE_BYTES, _pieces


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([b"a"], [1], id="one byte"),
        pytest.param([b"a" * PIECE_BYTES], [PIECE_BYTES], id="just one piece"),
        pytest.param([b"a" * (PIECE_BYTES + 1)], [PIECE_BYTES, 1], id="a byte more"),
        pytest.param([b"a", b"b" * (2 * PIECE_BYTES)], [1, PIECE_BYTES, PIECE_BYTES], id="parts are not joined"),
    ],
)
def test_the_same_bytes_go_in_pieces(parts: list[bytes], sizes: list[int]) -> None:
    pieces = list(_pieces(parts))
    assert [len(one) for one in pieces] == sizes
    assert b"".join(pieces) == b"".join(parts)


def test_a_command_that_is_packed_whole_is_cut_too() -> None:
    assert [len(one) for one in _pieces(b"a" * (PIECE_BYTES + 1))] == [PIECE_BYTES, 1]
