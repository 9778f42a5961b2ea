"""A tenant in words and in JSON: what an adoption would do, what is known, who waits for an e-mail."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from services.cli.output import print_table
from services.operations.tenants.complaints import FIX, complaints_in
from shared.contract.populations import book_of, people_word, words_of

if TYPE_CHECKING:
    from services.publisher.account_list import AccountList
    from services.publisher.preview import Shown
    from services.publisher.structure_ledger import Ledger
    from shared.config.settings import Config
    from shared.contract.tenant_state import TenantState

LISTED = 50  # of a list that is shown to a person; --json has all
FATES = {
    "kept": "kept: Unitu has an account of theirs",
    "another_has_it": "their e-mail is somebody else's in the roster",
    "not_at_unitu": "not at Unitu, as far as known",
    "may_go": "may be one of those who would be disabled",
}


def as_dict(shown: "Shown", lists: "Sequence[AccountList]") -> dict[str, Any]:
    return {
        "tenant": shown.tenant,
        "schools": shown.by_school,
        "staff": shown.staff_count,
        "roster": {"count": len(shown.roster), "hash": shown.roster_hash},
        "kinds": {people_word(kind): asdict(counts) for kind, counts in shown.by_kind.items()},
        "accounts_given": shown.has_accounts,
        "lists": [{name: value for name, value in asdict(one).items() if name != "emails"} for one in lists],
        "kept": shown.kept_count,
        "provisioned": shown.provisioned_count,
        "disabled": shown.disabled,
        "undecided": [asdict(one) for one in shown.undecided],
        "left_out": shown.left_out_count,
        "waits": shown.waits,
        "is_behind": shown.is_behind,
        "same_ids": shown.shared_ids,
        "same_codes": shown.shared_codes,
        "url": shown.url,
        "key": shown.fingerprint,
        "concerns": [asdict(one) for one in shown.concerns],
        "bound": shown.bound,
    }


def counts_of(ledger: "Ledger") -> dict[str, int]:
    """How much of its structure is told and how much confirmed; `rollcall structure` has each."""
    states = Counter(one.state for entities in ledger.values() for one in entities.values())
    return {"told": states["told"], "confirmed": states["confirmed"]}


def state_as_dict(config: "Config", state: "TenantState", key: str) -> dict[str, Any]:
    """``key``: the fingerprint of the API key that is configured."""
    from services.publisher.structure_ledger import ledger_of

    settings, adoption, accepted = config.tenants[state.tenant], state.adoption, state.accepted
    return {
        "tenant": state.tenant,
        "mode": settings.mode,
        "schools": config.schools_of(state.tenant),
        "key": key,
        "adopted": adoption
        and {
            "at": adoption.at,
            "operator": adoption.operator,
            "count": adoption.roster_count,
            "key": adoption.fingerprint,
        },
        "accepted": accepted and {"number": accepted.number, "at": accepted.at, "digest": accepted.digest},
        "roster": len(state.roster),
        "open_intent": state.intent and {"number": state.intent.number, "ends_at": state.intent.ends_at},
        "is_outcome_unknown": state.unknown is not None or state.intent is not None,
        "held": state.held,
        "refused": state.refusal and {"at": state.refusal.at, "status": state.refusal.status},
        "retry_not_before": state.not_before,
        "resend_at": state.resend_at,
        "released_emails": len(state.email_releases),
        "structure": counts_of(ledger_of(state)),
        "complaints": complaints_in(state),
    }


def tell_preview(shown: "Shown", lists: "Sequence[AccountList]") -> None:
    for one in lists:
        typer.echo(f"The list of accounts: {one.words}.")
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
        typer.echo(
            f"\n{concern.message[:1].upper()}{concern.message[1:]}. To have it all the same: {concern.option}", err=True
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
    typer.echo(f"\n{head}")
    for line in lines[:LISTED]:
        typer.echo(f"  {line}")
    if len(lines) > LISTED:
        typer.echo(f"  and {len(lines) - LISTED} more; --json has all")


def _tell_undecided(shown: "Shown") -> None:
    lines = [
        f"{words_of(book_of(one.school, one.kind))} {one.person}: {', '.join(one.reasons)}; {FATES[one.fate]}"
        for one in shown.undecided
    ]
    _tell_some("On a roll, and no account of ours (`rollcall explain SCHOOL ID` says more):", lines)


def tell_state(facts: dict[str, Any]) -> None:
    rows = [(name.replace("_", " "), _cell(value)) for name, value in facts.items() if name != "complaints"]
    print_table(("", ""), rows)
    if facts["complaints"]:
        typer.echo(f"\nUnitu refuses these records; {FIX}:")
        told = [(one.whose, one.person, one.words or "-") for one in facts["complaints"]]
        print_table(("of", "person", "it says"), told)


def tell_waits(waits: Any) -> None:
    print_table(
        ("school", "person", "known to Unitu as", "the school says"),
        [(words_of(book_of(wait.school, wait.kind)), wait.person, wait.delivered, wait.own) for wait in waits],
    )


def _cell(value: Any) -> object:
    import msgspec

    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, msgspec.Struct):
        held: Any = value
        part = " of some people" if held.is_partial else ""
        return f"{held.kind}{part} since {held.since}: " + "; ".join(reason.message for reason in held.reasons)
    return "-" if value is None else value
