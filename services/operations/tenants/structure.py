"""What Unitu has of a tenant's structure, whom it keeps out until it is confirmed, and the word that it has it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from services.operations.errors import Code, OperationError
from services.operations.names import wrong
from services.operations.tenants.desk import refusals
from services.operations.tenants.model import StructureImported
from services.publisher.decisions import Desk
from services.publisher.entity_list import EntityFile, read_entities
from services.publisher.structure_ledger import LISTS, Codes
from services.publisher.unconfirmed import Standing
from shared.contract.entities import EntityList


@dataclass(frozen=True)
class Confirmed:
    """What was named, and what of it was not so already."""

    chosen: tuple[Standing, ...]
    changed: tuple[Standing, ...]


def list_named(which: str | None) -> EntityList | None:
    """Raises: OperationError (wrong-word)."""
    if which is None:
        return None
    for name in LISTS:
        if name == which:
            return name
    raise wrong(f"--list {which}: there is no such list", f"there are: {', '.join(LISTS)}")


def structure_of(desk: Desk, tenant: str, only: EntityList | None = None) -> list[Standing]:
    """What would unblock most students first. Raises: OperationError (not-whole); Retryable."""
    with refusals():
        return [one for one in desk.structure(tenant) if only in (None, one.list)]


def confirm(
    desk: Desk,
    tenant: str,
    codes: Collection[str] | None,
    operator: str,
    note: str = "",
    *,
    only: EntityList | None = None,
) -> Confirmed:
    """
    Unitu has these now; ``codes`` None: whatever is not confirmed. Whoever was blocked by them is enrolled by a
    snapshot that goes at once. Raises: OperationError (wrong-word, outdated, not-whole); Retryable.
    """
    found = structure_of(desk, tenant, only)
    before = [one for one in found if one.state != "confirmed"]
    chosen = before if codes is None else _chosen(found, codes)
    with refusals():
        desk.confirm_structure(tenant, codes_of(chosen), operator, note)
    return Confirmed(tuple(chosen), tuple(one for one in chosen if one in before))


def doubt(
    desk: Desk,
    tenant: str,
    codes: Collection[str] | None,
    operator: str,
    note: str = "",
    *,
    only: EntityList | None = None,
) -> Confirmed:
    """Unitu does not have these; ``codes`` None: whatever is confirmed. Raises: as ``confirm``."""
    found = structure_of(desk, tenant, only)
    before = [one for one in found if one.state == "confirmed"]
    chosen = before if codes is None else _chosen(found, codes)
    with refusals():
        desk.doubt_structure(tenant, codes_of(chosen), operator, note)
    return Confirmed(tuple(chosen), tuple(one for one in chosen if one in before))


def read_list(data: bytes, only: EntityList | None = None) -> EntityFile:
    """A file of Unitu's entities. Raises: OperationError (unreadable-list)."""
    with refusals():
        return read_entities(data, only)


def import_list(
    desk: Desk, tenant: str, read: EntityFile, operator: str, note: str = "", *, name: str, is_whole: bool = False
) -> StructureImported:
    """
    Unitu has whatever the list has, also what no snapshot has had yet; ``is_whole``: and nothing else of those lists.
    ``name``: the file's. Raises: OperationError (not-ours, outdated, not-whole); Retryable.
    """
    before = structure_of(desk, tenant)
    ours = {(one.list, one.code) for one in before}
    if ours and not {(kind, code) for kind, codes in read.codes.items() for code in codes} & ours:
        words = f"{name} has {read.words}, and none of it is {tenant}'s: see `rollcall structure {tenant} list`"
        raise OperationError(Code.NOT_OURS, words)
    with refusals():
        desk.confirm_structure(tenant, read.codes, operator, note, is_all=is_whole)
    after = {(one.list, one.code): one.state for one in structure_of(desk, tenant)}
    was = {(one.list, one.code): one.state for one in before}
    return StructureImported(
        tenant=tenant,
        read={kind: tuple(codes) for kind, codes in read.codes.items()},
        confirmed=tuple(key for key, state in after.items() if state == "confirmed" != was.get(key)),
        doubted=tuple(key for key, state in was.items() if state == "confirmed" != after.get(key)),
        unconfirmed=tuple(key for key in after if after[key] != "confirmed"),
    )


def _chosen(found: Sequence[Standing], codes: Collection[str]) -> list[Standing]:
    """Raises: OperationError (wrong-word) for a code that nothing has, or that is in two lists."""
    chosen = []
    for code in codes:
        named = [one for one in found if one.code == code]
        if not named:
            raise wrong(f"{code}: the newest snapshot has no such code; `list --all` shows those that it has")
        if len(named) > 1:
            raise wrong(f"{code}: in {' and in '.join(one.list for one in named)}; say which with --list")
        chosen += named
    return chosen


def codes_of(found: Iterable[Standing]) -> Codes:
    """By list."""
    codes: dict[EntityList, list[str]] = {}
    for one in found:
        codes.setdefault(one.list, []).append(one.code)
    return codes
