"""
One object of the body, asked field by field: what can be taken, and by JSON pointer what cannot.

Pure. No message repeats a value: only the pointer says where in the body it is.
"""

import re
from collections.abc import Collection
from typing import Any

import msgspec

from services.gateway.pointers import escape
from services.gateway.repeated_names import has_a_colon_for_each_name, repeated_names
from services.gateway.scalars import text_of_number, text_of_scalar
from shared import tolerant_json
from shared.contract.email import fault_of
from shared.contract.limits import UNITU_YEARS
from shared.contract.model import Fault
from shared.contract.texts import LOST, clean, control_in, line, named

MAX_ENTRY_BYTES = 1024 * 1024  # a real student takes some 400
_MISSING = object()
NOTHING: frozenset[str] = frozenset()
_YEAR = "a whole number from 0 to 7, without quotes"
STANDS_TWICE = "stands twice in one object; send it once"
UNREADABLE = "cannot be read: text that is not UTF-8, a number beyond all limits or too deep a nesting"
IN_QUOTES = "is in quotes, and was taken as true or false"
TRUTHS = {"true": True, "false": False}
NUMBER = "is a number and was taken as the text of its digits; in quotes its zeros in front would stay, too"
MAY_BE_NONE = ("faculties", "departments")  # a university may have neither
_TAKEN_ONCE = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")  # by earlier releases, as an address
_METADATA_KEY = re.compile(r"[a-z][a-zA-Z0-9]*")


def under(start: str, faults: Collection[Fault]) -> list[Fault]:
    """The same faults, seen from further up."""
    return [Fault(pointer=start + fault.pointer, message=fault.message) for fault in faults]


class Fields:
    """
    One object. Each question gives a field's value, or None; ``faults`` grows by what could not be taken.

    Null is taken for a field that is optional and not there. ``strange`` names the fields that nobody knows, ``notes``
    tell what was taken for something else than it is.
    """

    def __init__(self, entry: object, names: frozenset[str]) -> None:
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []
        self._entry: dict[str, Any] = {}
        self._repeated = NOTHING
        if isinstance(entry, msgspec.Raw):
            entry = self._decoded(entry)
        if isinstance(entry, dict):
            self._entry = entry
        elif not self.faults:
            self.wrong("", "must be an object")
        self.is_object = isinstance(entry, dict)
        self.strange = tuple(name for name in self._entry if name not in names)

    def _decoded(self, raw: msgspec.Raw) -> object:
        if memoryview(raw).nbytes > MAX_ENTRY_BYTES:
            self.wrong("", f"must not be larger than {MAX_ENTRY_BYTES} bytes")
            return None
        content = bytes(raw)
        try:
            entry = msgspec.json.decode(content)
            return entry if has_a_colon_for_each_name(content, entry) else self._each_name_once(content, entry)
        except msgspec.DecodeError:
            return self._decoded_with_losses(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.wrong("", UNREADABLE)
            return None

    def _each_name_once(self, raw: bytes, entry: Any) -> Any:
        """Without the fields of which one, or one within them, stands twice: no value of those is taken."""
        if not isinstance(entry, dict) or not (repeated := repeated_names(raw, entry)):
            return entry
        for pointer in repeated:
            self.wrong(pointer, STANDS_TWICE)
        steps = {pointer.split("/", 2)[1] for pointer in repeated}
        self._repeated = frozenset(name for name in entry if escape(name) in steps)
        return {name: value for name, value in entry.items() if name not in self._repeated}

    def _decoded_with_losses(self, raw: bytes) -> object:
        try:
            found = self._each_name_once(raw, tolerant_json.decode(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.wrong("", UNREADABLE)
            return None
        self.note("", f"has a character that was lost ({named(LOST)}): half of one was sent; send the text anew")
        return found

    def wrong(self, pointer: str, message: str) -> None:
        self.faults.append(Fault(pointer=pointer, message=message))

    def note(self, pointer: str, message: str) -> None:
        self.notes.append(Fault(pointer=pointer, message=message))

    def _value(self, name: str, *, optional: bool) -> Any:
        """The value as it stands; ``_MISSING`` where there is none to look at, which is noted unless optional."""
        value = self._entry.get(name, _MISSING)
        if optional:
            return _MISSING if value is None else value
        if value is _MISSING and self.is_object and name not in self._repeated:
            self.wrong(f"/{name}", "is missing")
        return value

    def _is_absent(self, name: str) -> bool:
        return self.is_object and name not in self._repeated and self._entry.get(name) is None

    def text(
        self, name: str, *, optional: bool = False, may_be_empty: bool = False, may_be_number: bool = False
    ) -> str | None:
        """In one line, without what nobody sees; an optional text that is blank is as good as none."""
        value = self.typed(name, optional=optional, may_be_empty=may_be_empty, may_be_number=may_be_number)
        return value and line(value)

    def typed(
        self, name: str, *, optional: bool = False, may_be_empty: bool = False, may_be_number: bool = False
    ) -> str | None:
        """As ``text``; what nobody sees within it stays, for whoever judges it."""
        value = self._value(name, optional=optional)
        if value is _MISSING:
            return None
        if may_be_number:
            value = self._named_by_number(f"/{name}", value)
        if not isinstance(value, str):
            self.wrong(f"/{name}", "must be text in quotes")
            return None
        trimmed = clean(value)
        if not trimmed and not optional and not may_be_empty:
            self.wrong(f"/{name}", "must not be empty")
        return trimmed or ("" if may_be_empty else None)

    def name(self, name: str) -> str | None:
        """What somebody is called: a line break or the like within it is a fault, since nobody was called so."""
        value = self.typed(name)
        if value is not None and (found := control_in(value)) is not None:
            self.wrong(f"/{name}", f"has {found}: send the name without it")
            return None
        return value

    def _named_by_number(self, pointer: str, value: Any) -> Any:
        """The digits of a number, where they are sure to be what the sender has; else the value itself."""
        digits = text_of_number(value)
        if digits is None:
            return value
        self.note(pointer, NUMBER)
        return digits

    def email(self, name: str, *, optional: bool = False) -> str | None:
        text = self.typed(name, optional=optional)
        if text is not None and (fault := fault_of(text)) is not None:
            self.wrong(f"/{name}", f"is no e-mail address: it {fault}")
            return None
        return text

    def address(self, name: str) -> str | None:
        """Whom an e-mail names, also one that is none now and that an earlier release took. Finds no fault."""
        value = self._entry.get(name)
        text = clean(value) if isinstance(value, str) else ""
        return text if _TAKEN_ONCE.fullmatch(text) else None

    def year(self, name: str = "year", *, nullable: bool = True) -> int | None:
        """It must be there, also where it may be null."""
        value = self._value(name, optional=False)
        if value is _MISSING or (value is None and nullable):
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value not in UNITU_YEARS:
            self.wrong(f"/{name}", f"must be null or {_YEAR}" if nullable else f"must be {_YEAR}")
            return None
        return value

    def boolean(self, name: str) -> bool | None:
        value = self._value(name, optional=False)
        if isinstance(value, str) and value.strip().lower() in TRUTHS:
            self.note(f"/{name}", IN_QUOTES)
            value = TRUTHS[value.strip().lower()]
        if isinstance(value, bool):
            return value
        if value is not _MISSING:
            self.wrong(f"/{name}", "must be true or false")
        return None

    def items(self, name: str, *, optional: bool = False) -> list[Any] | None:
        value = self._value(name, optional=optional)
        if value is _MISSING:
            return None
        if not isinstance(value, list):
            self.wrong(f"/{name}", "must be a list")
            return None
        return value

    def code(self, name: str, defined: Collection[str] | None, of: str, *, optional: bool = False) -> str | None:
        """A code of the list ``of``; ``defined`` None: nobody has ever said which there are."""
        value = self.text(name, optional=optional, may_be_number=True)
        if value is not None and defined is not None and value not in defined:
            self.wrong(f"/{name}", _undefined(of))
        return value

    def codes(
        self, name: str, defined: Collection[str] | None, of: str, *, optional: bool = True
    ) -> tuple[str, ...] | None:
        """Sorted, each once; None where the list is not supplied, or has a fault."""
        if not optional and not defined and self._is_absent(name) and of in MAY_BE_NONE:
            self.note(f"/{name}", f"is not there and was read as not supplied, since no {of} are defined")
            return None
        items = self.items(name, optional=optional)
        if items is None:
            return None
        before = len(self.faults)
        taken: set[str] = set()
        for place, item in enumerate(items):
            item = self._named_by_number(f"/{name}/{place}", item)
            code = line(item) if isinstance(item, str) else ""
            if not code:
                self.wrong(f"/{name}/{place}", "must be a code: text in quotes, not empty")
            elif defined is not None and code not in defined:
                self.wrong(f"/{name}/{place}", _undefined(of))
            taken.add(code)
        return tuple(sorted(taken)) if len(self.faults) == before else None

    def metadata(self, name: str) -> dict[str, str]:
        """Texts by camel-case names, sorted by name."""
        value = self._value(name, optional=True)
        if value is _MISSING:
            return {}
        if not isinstance(value, dict):
            self.wrong(f"/{name}", "must be an object")
            return {}
        taken: dict[str, str] = {}
        for key, given in sorted(value.items()):
            pointer = f"/{name}/{escape(key)}"
            if not _METADATA_KEY.fullmatch(key):
                self.wrong(pointer, "must have a name in camel case")
            text = text_of_scalar(given)
            if given is None:
                self.note(pointer, "is null and was read as not there")
            elif text is None:
                self.wrong(pointer, "must be text in quotes, not a list or an object")
            else:
                taken[key] = text if text.isprintable() else line(text)
                if not isinstance(given, str):
                    self.note(pointer, "is no text and was taken as the text that it is written with")
        return taken


def _undefined(of: str) -> str:
    return f"is a code that {of} does not define; add it there, or take it out here"
