"""
Named places between two effects, where a test can stop or kill a process (docs/faults.md).

In production ``hooks`` is empty, and a point costs one look at it.
"""

from collections.abc import Callable

hooks: dict[str, Callable[[], None]] = {}


def at_point(name: str) -> None:
    """One effect is over and the next has not begun. What each name stands for is told in docs/faults.md."""
    if hooks and name in hooks:
        hooks[name]()
