"""What a school's structure was last said to be: each list with its codes. It stands under the students' name alone."""

from collections.abc import Callable

from services.reconciler import keys, messages
from services.reconciler.accounts import Accounts
from shared.contract.account_state import StructureState
from shared.contract.codec import Message, Record, decoder, encode
from shared.contract.events import StructureChanged, StructureFetched
from shared.contract.model import Structure
from shared.contract.retired import retired_from
from shared.lanes.handler import LazyMessages
from shared.lanes.view import View
from shared.structs import replace

_decoder = decoder(StructureState)


class Structures:
    """Of one batch of one lane. ``changed`` are those that it changes, by school; ``out`` takes what is to be told."""

    def __init__(self, view: View, out: list[Message | LazyMessages]) -> None:
        self._view = view
        self._out = out
        self.changed: dict[str, StructureState] = {}

    def take(self, book: Accounts, event: StructureFetched, record: Record) -> None:
        """Keep a structure that is news, and tell which codes it gained and lost."""
        known = self._known(book.slug)
        structure = _with_what_was_read(known, event)
        if known is not None and (record.offset <= known.offset or known.structure == structure):
            return
        sweep = record.header("sweep")
        if sweep is not None and not book.has_open(sweep):
            return
        before = known.structure if known is not None else Structure()
        retired = retired_from(structure, before, known.retired if known is not None else Structure())
        state = StructureState(school=book.slug, offset=record.offset, structure=structure, retired=retired)
        self.changed[book.name] = state
        self._view.put(keys.STRUCTURES, book.name, encode(state))
        added, removed = _gained(before, structure), _gained(structure, before)
        event_told = StructureChanged(school=book.slug, version=record.offset, added=added, removed=removed)
        self._out.append(messages.ChangeEnvelope(record).change(event_told, book.name, "", record.offset))
        book.school = replace(book.school, offset=max(book.school.offset, record.offset))

    def programmes_of(self, school: str) -> Callable[[], dict[str, str]]:
        """What asks for the programme of each module that a school's structure has."""

        def programme_of() -> dict[str, str]:
            known = self._known(school)
            return {} if known is None else {one.code: one.programme_code for one in known.structure.modules}

        return programme_of

    def _known(self, school: str) -> StructureState | None:
        """As this batch has it."""
        if (known := self.changed.get(school)) is not None:
            return known
        (value,) = self._view.get(keys.STRUCTURES, [school])
        return None if value is None else _decoder.decode(value)


def _with_what_was_read(known: StructureState | None, event: StructureFetched) -> Structure:
    """What was never read is as it was."""
    if known is None or not event.missing:
        return event.structure
    lists = Structure.__struct_fields__
    return replace(event.structure, **{name: getattr(known.structure, name) for name in event.missing if name in lists})


def _gained(before: Structure, after: Structure) -> dict[str, tuple[str, ...]]:
    """The codes that each list has and had not."""
    gained: dict[str, tuple[str, ...]] = {}
    for name in Structure.__struct_fields__:
        had = {one.code for one in getattr(before, name)}
        if codes := sorted({one.code for one in getattr(after, name)} - had):
            gained[name] = tuple(codes)
    return gained
