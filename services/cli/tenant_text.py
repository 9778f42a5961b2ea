"""A tenant in words: what an adoption would do, what is known, who waits for an e-mail."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.cli.output import print_line, print_table
from services.operations.tenants.complaints import FIX
from shared.contract.populations import book_of, people_word, words_of

if TYPE_CHECKING:
    from services.operations.tenants.adoption import Preview
    from services.operations.tenants.model import TenantFacts
    from services.publisher.preview import Shown
    from shared.contract.deliveries import EmailWait
    from shared.contract.tenant_state import TenantOrder

NOT_IN_THE_TABLE = ("complaints", "waits", "releasable", "orders")
LISTED = 50  # of a list that is shown to a person; --json has all
FATES = {
    "kept": "kept: Unitu has an account of theirs",
    "another_has_it": "their e-mail is somebody else's in the roster",
    "not_at_unitu": "not at Unitu, as far as known",
    "may_go": "may be one of those who would be disabled",
}


def tell_preview(preview: "Preview") -> None:
    shown = preview.shown
    for one in preview.lists:
        print_line(f"The list of accounts: {one.words}.")
    rows: list[tuple[str, object]] = [(f"students of {school}", count) for school, count in shown.by_school.items()]
    if shown.has_staff:
        rows.append(("staff", shown.staff_count))
    rows += [
        ("e-mails in the roster", len(shown.roster)),
        ("at Unitu already, kept", _by_kind(shown, "kept", shown.kept_count)),
        ("new to Unitu", _by_kind(shown, "new", shown.provisioned_count)),
        ("would be disabled", len(shown.disabled)),
        ("on a roll without an account of ours", len(shown.undecided)),
        ("left out (no e-mail that is free)", shown.left_out_count),
        ("address", shown.url),
        ("key, by its fingerprint", shown.fingerprint),
    ]
    print_table(("", shown.tenant), rows)
    _tell_some("Would be disabled:", shown.disabled)
    _tell_undecided(shown)
    for concern in shown.concerns:
        print_line(err=True)
        print_line(
            f"{concern.message[:1].upper()}{concern.message[1:]}. To have it all the same: {concern.option}", err=True
        )


def _by_kind(shown: "Shown", name: str, total: int) -> str:
    """The total, and of which kind they are where there is more than one."""
    if len(shown.by_kind) == 1:
        return str(total)
    parts = (f"{getattr(counts, name)} {people_word(kind)}" for kind, counts in shown.by_kind.items())
    return f"{total} ({', '.join(parts)})"


def _tell_some(head: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    print_line()
    print_line(head)
    for line in lines[:LISTED]:
        print_line(f"  {line}")
    if len(lines) > LISTED:
        print_line(f"  and {len(lines) - LISTED} more; --json has all")


def _tell_undecided(shown: "Shown") -> None:
    lines = [
        f"{words_of(book_of(one.school, one.kind))} {one.person}: {', '.join(one.reasons)}; {FATES[one.fate]}"
        for one in shown.undecided
    ]
    _tell_some("On a roll, and no account of ours (`rollcall explain SCHOOL ID` says more):", lines)


def tell_facts(facts: "TenantFacts") -> None:
    told = {name: getattr(facts, name) for name in facts.__struct_fields__ if name not in NOT_IN_THE_TABLE}
    print_table(("", ""), [(name.replace("_", " "), _cell(value)) for name, value in told.items()])
    if facts.complaints:
        print_line()
        print_line(f"Unitu refuses these records; {FIX}:")
        print_table(
            ("of", "person", "it says"), [(one.whose, one.person, one.words or "-") for one in facts.complaints]
        )


def tell_orders(orders: "Sequence[TenantOrder]") -> None:
    rows = [(one.at, one.kind.replace("_", " "), one.operator or "-", one.about, one.note) for one in orders]
    print_table(("ordered", "what", "by", "about", "note"), rows)


def tell_waits(waits: "Sequence[EmailWait]") -> None:
    print_table(
        ("school", "person", "known to Unitu as", "the school says"),
        [(words_of(book_of(wait.school, wait.kind)), wait.person, wait.delivered, wait.own) for wait in waits],
    )


def _cell(value: Any) -> object:
    from msgspec.structs import asdict

    from shared.contract.model import Frozen
    from shared.contract.tenant_state import Held

    match value:
        case Held():
            part = " of some people" if value.is_partial else ""
            return f"{value.kind}{part} since {value.since}: " + "; ".join(one.message for one in value.reasons)
        case Frozen():
            return _cell(asdict(value))
        case dict():
            return ", ".join(f"{name} {one}" for name, one in value.items())
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return "-" if value is None else value
