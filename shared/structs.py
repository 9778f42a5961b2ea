"""``replace`` for msgspec structs, checked: mypy compares its arguments with the fields of the struct."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import replace  # of which mypy knows what it may be given, for structs too
else:
    from msgspec.structs import replace

__all__ = ["replace"]
