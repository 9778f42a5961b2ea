"""
`rollcall` that kills itself, as `kill -9` would, at a named point of the lane loop.

Words: the point, how often it is passed before, then rollcall's own.
"""

import os
import signal
import sys

from services.cli.main import main
from shared import lane


def die_at(point: str, passes: int) -> None:
    left = [passes]

    def visit() -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    lane.hooks[point] = visit


if __name__ == "__main__":
    die_at(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:3] = []
    main()
