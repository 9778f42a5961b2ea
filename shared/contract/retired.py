"""What a school once listed and no longer does: whoever is still in it needs its definition in a body. Pure."""

from itertools import chain
from typing import Any

from shared.contract.model import Structure

LISTS = ("faculties", "departments", "programmes", "modules")
MOST = 10_000  # of one list: some 2 MB of JSON, where a record may have 16


def retired_from(new: Structure, old: Structure, retired: Structure) -> Structure:
    """
    What is not in ``new`` of what ``old`` had, or was ``retired`` already; each in its newest definition. Of too many
    those stay that were listed last.
    """
    lists: dict[str, Any] = {}
    for name in LISTS:
        there = {entity.code for entity in getattr(new, name)}
        found: dict[str, Any] = {}
        for entity in chain(getattr(old, name), getattr(retired, name)):
            if entity.code not in there and len(found) < MOST:
                found.setdefault(entity.code, entity)
        lists[name] = tuple(entity for _, entity in sorted(found.items()))
    return Structure(**lists)
