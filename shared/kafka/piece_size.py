"""How much is handed over to a line at once, by what the line took before."""

PIECE_SECONDS = 2.0
FIRST_PIECE, SMALLEST_PIECE, LARGEST_PIECE = 1024 * 1024, 64 * 1024, 32 * 1024 * 1024  # bytes


class PieceSize:
    """
    How many bytes are handed over before their acknowledgements are awaited: about as many as the line takes in
    ``PIECE_SECONDS``, by what it took of the piece before.
    """

    def __init__(self) -> None:
        self.bytes = FIRST_PIECE

    def took(self, size: int, seconds: float) -> None:
        if size >= self.bytes // 2:  # a few records say how long a journey takes, and nothing of the line's width
            fits = int(size * PIECE_SECONDS / max(seconds, 0.001))
            self.bytes = min(max(fits, SMALLEST_PIECE), LARGEST_PIECE)
