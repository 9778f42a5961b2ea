"""
What an entry of the leavers' list tells of somebody who is missing. Pure.

Whoever was re-admitted is in that list for ever. So an entry that was there while the person was still on the roll
tells nothing of an absence; one that came later does, and so does one of a later leaving date. An absence of which the
list tells nothing is like any other: unexplained.
"""

from collections.abc import Collection, Mapping

import msgspec

from shared.contract.model import Frozen, Student

_decoder = msgspec.json.Decoder(Student)


class Entries(Frozen, kw_only=True):
    """
    As of the last certified sweep. ``was_read``: the list had been read by then. ``old``: whose entry tells nothing,
    with its leaving date; ``unread``: who went missing before the list was ever read.
    """

    was_read: bool = False
    old: dict[str, str] = {}
    unread: tuple[str, ...] = ()


class OldEntries:
    """For the length of one sweep; ``roll`` is that of the last certified one, ``leavers`` None: never read."""

    def __init__(self, known: Entries, roll: Collection[str] | None, leavers: Mapping[str, msgspec.Raw] | None) -> None:
        self._known = known
        self._roll = roll or ()
        self._leavers = leavers
        self._unread = frozenset(known.unread)

    def explains(self, id: str) -> bool:
        """Whether the list says of somebody who is not in the students' list that they have left."""
        if self._leavers is None or id not in self._leavers:
            return False
        if id in self._known.old:
            return _is_later(date_of(self._leavers[id]), self._known.old[id])
        return id not in self._unread and (self._known.was_read or id not in self._roll)

    def after(self, students: Collection[str], roll: Collection[str]) -> Entries:
        """
        What to remember when this sweep is certified: ``students`` were in the students' list, ``roll`` is everybody.
        """
        if self._leavers is None:
            missing = {id for id in (*self._unread, *self._roll) if id not in roll}
            return Entries(unread=tuple(sorted(missing)))
        old = {}
        for id in sorted(self._leavers):
            if id in students:
                old[id] = date_of(self._leavers[id])
            elif not self.explains(id):
                old[id] = self._known.old.get(id) or date_of(self._leavers[id])
        return Entries(was_read=True, old=old)


def date_of(leaver: msgspec.Raw) -> str:
    """When an entry says that somebody left; empty where it does not."""
    student = _decoder.decode(leaver)
    return student.leaving_date or ("" if student.leaving_year is None else str(student.leaving_year))


def _is_later(now: str, then: str) -> bool:
    """A date is not later than a year: the list may merely have begun to say it."""
    return bool(then) and len(now) == len(then) and now > then
