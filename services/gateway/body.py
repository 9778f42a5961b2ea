"""
The body of ``POST /v1/sync``, opened but not unpacked: each list's entries as views of the spooled bytes.

Pure. So memory holds one unpacked entry at a time, whatever the body's size.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from mmap import mmap

import msgspec

from services.gateway import outline
from services.gateway.not_json import what_is_wrong
from services.gateway.pointers import escape
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
MOST_RECORDS = 250_000  # unless the configuration says otherwise: of all lists together
_LONGEST_NAME = 200  # bytes; a longer one is told by its digest
_MOST_NAMES = 1_000  # of fields that nobody knows: each is looked at, and a body has six that count
_LIKENESS = 0.8  # of a name to a list's: "Student", "programs", "Staff " are, "pupils" is not
_SINGULARS = {"faculty": "faculties"}  # where the likeness is too small
_list = msgspec.json.Decoder(list[msgspec.Raw])
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # of a pair, whole or not


class NotJson(RollcallError):
    """The body is no JSON at all; the message says where, and what the fix may be."""


class TooManyRecords(RollcallError):
    """The lists of the body have more than ``most`` entries together; none of them was looked at."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} records")
        self.most = most


def _without_halves(view: memoryview, notes: Notes) -> memoryview:
    """The body, with U+FFFD for each half of a character, which would refuse it whole."""
    if _HALF.search(view) is None or (mended := tolerant_json.mended(view)) is None:
        return view
    notes.add("", f"has characters that were lost ({named(LOST)}): half of each was sent; send those texts anew")
    return memoryview(mended)


def open_body(
    buffer: Buffer, notes: Notes, most_records: int = MOST_RECORDS
) -> tuple[Mapping[str, Entries], list[Fault]]:
    """
    The entries of each list that is in the body, and what is wrong with the body as a whole. A list that is null is
    not supplied; a field that the document does not have is no fault, unless it seems to be a list misspelt: what is
    in it would count as not supplied, or beside an empty list of the right name as gone.
    Raises: NotJson, TooManyRecords.
    """
    view = memoryview(buffer)
    if bytes(view[:3]) == BOM:
        view = view[3:]
    view = _without_halves(view, notes)
    try:
        outline.check_is_json(view)
        if outline.first(view) != b"{":
            return {}, [Fault(pointer="", message="must be an object with the lists of the document")]
        fields, faults = _fields(view, notes)
    except RecursionError:
        raise NotJson("the nesting is too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(what_is_wrong(view, error)) from None
    lists = _lists(fields, faults, notes, most_records)
    if not lists and not faults:
        faults.append(Fault(pointer="", message=f"has none of the lists {', '.join(LISTS)}"))
    return lists, faults


def _fields(body: memoryview, notes: Notes) -> tuple[Mapping[str, memoryview], list[Fault]]:
    """The values of the document's lists, and what is wrong with the names."""
    found: dict[str, memoryview] = {}
    faults: list[Fault] = []
    unknown: set[str] = set()
    is_twice = False
    for written, value in outline.fields(body):
        name = _name_of(written)
        is_twice = is_twice or name in found or name in unknown
        if name in LISTS:
            found[name] = value
        elif len(unknown) == _MOST_NAMES:
            return {}, [
                Fault(pointer="", message=f"has more than {_MOST_NAMES} fields that are no lists of the document")
            ]
        elif name not in unknown:
            unknown.add(name)
            faults += _unknown_name(name, value, notes)
    if is_twice:
        faults.append(Fault(pointer="", message="has a field that stands twice; put each list in it once, whole"))
    return found, faults


def _name_of(written: memoryview) -> str:
    """Raises: UnicodeDecodeError, msgspec.DecodeError."""
    if len(written) <= _LONGEST_NAME:
        return str(msgspec.json.decode(written, type=str))
    return f"{len(written)} bytes, {sha256(written).hexdigest()}"


def _unknown_name(name: str, value: memoryview, notes: Notes) -> list[Fault]:
    meant = _meant(name) if outline.first(value) == b"[" else None
    if meant is None:
        notes.add(f"/{escape(name)}", "is no list of the document and is not taken")
        return []
    message = f"is no list of the document; write it as {meant}, or take it out"
    return [Fault(pointer=f"/{escape(name)}", message=message)]


def _lists(
    fields: Mapping[str, memoryview], faults: list[Fault], notes: Notes, most_records: int
) -> Mapping[str, Entries]:
    """Raises: TooManyRecords."""
    lists: dict[str, Entries] = {}
    left = most_records
    for name in LISTS:
        value = fields.get(name, memoryview(b""))
        start = outline.first(value)
        if start == b"[":
            left -= outline.count(value, left)
            if left < 0:
                raise TooManyRecords(most_records)
            lists[name] = _list.decode(value)
        elif start == b"n":
            notes.add(f"/{name}", "is null and was read as not supplied: what was last said of it stays")
        elif name in fields:
            faults.append(Fault(pointer=f"/{name}", message="must be a list"))
    return lists


def _meant(name: str) -> str | None:
    """The list whose name this seems to be."""
    letters = "".join(letter for letter in name.casefold() if letter.isalpha())
    alike = difflib.get_close_matches(letters, LISTS, 1, _LIKENESS)
    return alike[0] if alike else _SINGULARS.get(letters)
