"""
The body of ``POST /v1/sync``, opened but not unpacked: each list's entries as views of the spooled bytes.

Pure. So memory holds one unpacked entry at a time, whatever the body's size.
"""

import re
from collections.abc import Mapping, Sequence
from mmap import mmap

import msgspec

from services.gateway.fields import escape
from shared.errors import RollcallError
from shared.model import Fault

STRUCTURE = ("faculties", "departments", "programmes", "modules")
LISTS = (*STRUCTURE, "students", "staff")

Entries = Sequence[msgspec.Raw]
Buffer = bytes | mmap

BOM = b"\xef\xbb\xbf"
_MANY_NAMES = 50  # of fields that nobody knows; more are not worth listing
_whole = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_start = re.compile(rb"\s*\{\s*")
_name = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:\s*', re.DOTALL)
_next = re.compile(rb"\s*([,}])\s*")


class NotJson(RollcallError):
    """The body is no JSON at all; the message says at which byte."""


def open_body(buffer: Buffer) -> tuple[Mapping[str, Entries], list[Fault]]:
    """
    The entries of each list that is in the body, and what is wrong with the body as a whole. Raises: NotJson.
    """
    view = memoryview(buffer)
    if bytes(view[:3]) == BOM:
        view = view[3:]
    try:
        fields = _whole.decode(view)
    except msgspec.ValidationError:
        return {}, [Fault(pointer="", message="must be an object with the lists of the document")]
    except RecursionError:
        raise NotJson("the nesting is too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(str(error) if isinstance(error, msgspec.DecodeError) else "text that is not UTF-8") from None
    unknown = [name for name in fields if name not in LISTS]
    faults = [Fault(pointer=f"/{escape(name)}", message="is no list of the document") for name in unknown[:_MANY_NAMES]]
    if stands_twice(view, fields):
        faults.append(Fault(pointer="", message="has a field that stands twice; put each list in it once, whole"))
    lists: dict[str, Entries] = {}
    for name in LISTS:
        if name in fields:
            try:
                lists[name] = _list.decode(fields[name])
            except msgspec.ValidationError:
                faults.append(Fault(pointer=f"/{name}", message="must be a list"))
    if not lists and not faults:
        faults.append(Fault(pointer="", message="has none of the lists of the document"))
    return lists, faults


def stands_twice(buffer: memoryview, fields: Mapping[str, msgspec.Raw]) -> bool:
    """
    Whether a name stands twice in the outermost object. A decoder keeps the last one, and so half a school were gone.

    Walks from name to name by the lengths of the values that were kept: whoever does not arrive at the end has met a
    value that was not kept.
    """
    place = _end(_start, buffer, 0)
    seen: set[str] = set()
    while (found := _name.match(buffer, place)) is not None:
        name = msgspec.json.decode(found[1], type=str)
        if name in seen or name not in fields:
            return True
        seen.add(name)
        after = _next.match(buffer, found.end() + memoryview(fields[name]).nbytes)
        if after is None:
            return True
        place = after.end()
    return len(seen) != len(fields) or place != len(buffer)


def _end(pattern: re.Pattern[bytes], buffer: memoryview, place: int) -> int:
    found = pattern.match(buffer, place)
    return place if found is None else found.end()
