"""
The body of ``POST /v1/sync``, opened but not unpacked: each list's entries as views of the spooled bytes.

Pure. So memory holds one unpacked entry at a time, whatever the body's size.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from mmap import mmap

import msgspec

from services.gateway.fields import escape
from services.gateway.not_json import what_is_wrong
from services.gateway.warnings import Notes
from shared import tolerant_json
from shared.contract.model import Fault
from shared.contract.texts import LOST, named
from shared.errors import RollcallError

STRUCTURE = ("faculties", "departments", "programmes", "modules")
LISTS = (*STRUCTURE, "students", "staff")

Entries = Sequence[msgspec.Raw]
Buffer = bytes | mmap

BOM = b"\xef\xbb\xbf"
_MOST_NAMES = 1_000  # of fields that nobody knows: each is looked at, and a body has six that count
_LIKENESS = 0.8  # of a name to a list's: "Student", "programs", "Staff " are, "pupils" is not
_SINGULARS = {"faculty": "faculties"}  # where the likeness is too small
_whole = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # of a pair, whole or not
_start = re.compile(rb"\s*\{\s*")
_name = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:\s*', re.DOTALL)
_next = re.compile(rb"\s*([,}])\s*")


class NotJson(RollcallError):
    """The body is no JSON at all; the message says where, and what the fix may be."""


def _without_halves(view: memoryview, notes: Notes) -> memoryview:
    """The body, with U+FFFD for each half of a character, which would refuse it whole."""
    if _HALF.search(view) is None:
        return view
    mended = tolerant_json.mend(bytes(view))
    if mended == view:
        return view
    notes.add("", f"has characters that were lost ({named(LOST)}): half of each was sent; send those texts anew")
    return memoryview(mended)


def open_body(buffer: Buffer, notes: Notes) -> tuple[Mapping[str, Entries], list[Fault]]:
    """
    The entries of each list that is in the body, and what is wrong with the body as a whole. A list that is null is
    not supplied; a field that the document does not have is no fault, unless it seems to be a list misspelt: what is
    in it would count as not supplied, or beside an empty list of the right name as gone. Raises: NotJson.
    """
    view = memoryview(buffer)
    if bytes(view[:3]) == BOM:
        view = view[3:]
    view = _without_halves(view, notes)
    try:
        fields = _whole.decode(view)
    except msgspec.ValidationError:
        return {}, [Fault(pointer="", message="must be an object with the lists of the document")]
    except RecursionError:
        raise NotJson("the nesting is too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(what_is_wrong(view, error)) from None
    faults = _unknown_names(fields, notes)
    if stands_twice(view, fields):
        faults.append(Fault(pointer="", message="has a field that stands twice; put each list in it once, whole"))
    lists: dict[str, Entries] = {}
    for name in LISTS:
        if name in fields and bytes(memoryview(fields[name])[:5]) == b"null":
            notes.add(f"/{name}", "is null and was read as not supplied: what was last said of it stays")
        elif name in fields:
            try:
                lists[name] = _list.decode(fields[name])
            except msgspec.ValidationError:
                faults.append(Fault(pointer=f"/{name}", message="must be a list"))
    if not lists and not faults:
        faults.append(Fault(pointer="", message=f"has none of the lists {', '.join(LISTS)}"))
    return lists, faults


def _unknown_names(fields: Mapping[str, msgspec.Raw], notes: Notes) -> list[Fault]:
    faults: list[Fault] = []
    unknown = [name for name in fields if name not in LISTS]
    if len(unknown) > _MOST_NAMES:
        return [Fault(pointer="", message=f"has more than {_MOST_NAMES} fields that are no lists of the document")]
    for name in unknown:
        meant = _meant(name) if bytes(memoryview(fields[name])[:1]) == b"[" else None
        if meant is None:
            notes.add(f"/{escape(name)}", "is no list of the document and is not taken")
        else:
            message = f"is no list of the document; write it as {meant}, or take it out"
            faults.append(Fault(pointer=f"/{escape(name)}", message=message))
    return faults


def _meant(name: str) -> str | None:
    """The list whose name this seems to be."""
    letters = "".join(letter for letter in name.casefold() if letter.isalpha())
    alike = difflib.get_close_matches(letters, LISTS, 1, _LIKENESS)
    return alike[0] if alike else _SINGULARS.get(letters)


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
