"""
The outline of a body: where the values of its outermost object stand, and how many entries a list has. Pure.

Nothing is unpacked for it, so it takes no memory to speak of whatever is in a body, and ends where a bound is passed.
"""

import re
from collections.abc import Iterator

import msgspec

_STEP = 1024 * 1024  # bytes that are looked through at once
_BRACES = 4  # objects that an entry may have for its list to be counted the quick way
_one = msgspec.json.Decoder(msgspec.Raw)
_TRAILING = re.compile(r"trailing characters \(byte ([0-9]+)\)$")  # the decoder counts from 1
_blank = re.compile(rb"[ \t\r\n]*")


class _Nothing(msgspec.Struct, gc=False):
    """An object, of which nothing is kept."""


_objects = msgspec.json.Decoder(list[_Nothing])


def check_is_json(body: memoryview) -> None:
    """Raises: as the decoder does."""
    _one.decode(body)


def first(value: memoryview) -> bytes:
    """By which one tells what a value is."""
    return _at(value, _skip(value, 0))


def fields(body: memoryview) -> Iterator[tuple[memoryview, memoryview]]:
    """The name and the value of each field of a sound object, as they are written and in their order."""
    place = _start(body)
    while _at(body, place) != b"}":
        colon = _end(body, place)
        end = _end(body, colon + 1)
        yield body[place:colon], body[colon + 1 : end]
        place = _after(body, end)


def count(entries: memoryview, most: int) -> int:
    """Of a sound list; ``most`` + 1 where there are more."""
    if _has_few_braces(entries, most * _BRACES):
        try:
            return min(len(_objects.decode(entries)), most + 1)
        except msgspec.ValidationError:  # an entry is no object: a fault of its own
            pass
    return _counted(entries, most)


def _has_few_braces(entries: memoryview, most: int) -> bool:
    """As many as there are objects, at least."""
    found = 0
    for begin in range(0, len(entries), _STEP):
        found += bytes(entries[begin : begin + _STEP]).count(b"{")
        if found > most:
            return False
    return True


def _counted(entries: memoryview, most: int) -> int:
    """One by one: no entry is looked at that is not counted."""
    found, place = 0, _start(entries)
    while found <= most and _at(entries, place) != b"]":
        place = _after(entries, _end(entries, place))
        found += 1
    return found


def _start(buffer: memoryview) -> int:
    """Of what stands in a list or an object."""
    return _skip(buffer, _skip(buffer, 0) + 1)


def _after(buffer: memoryview, place: int) -> int:
    """The next value, if there is a comma; else the bracket that ends them."""
    return _skip(buffer, place + 1) if _at(buffer, place) == b"," else place


def _at(buffer: memoryview, place: int) -> bytes:
    return bytes(buffer[place : place + 1])


def _skip(buffer: memoryview, place: int) -> int:
    found = _blank.match(buffer, place)
    return place if found is None else found.end()


def _end(buffer: memoryview, place: int) -> int:
    """Of the value that begins there, and of the blanks behind it: the decoder says where it met another one."""
    try:
        _one.decode(buffer[place:])
    except msgspec.DecodeError as error:
        found = _TRAILING.search(str(error))
        if found is None:
            raise
        return place + int(found[1]) - 1
    return len(buffer)
