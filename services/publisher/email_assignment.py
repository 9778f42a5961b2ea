"""Under which e-mail each person is in the snapshot. An e-mail does not move by itself. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.publisher.last_snapshot import Last
from services.publisher.roster_entry import Person
from shared.contract.tenant_state import email_key


@dataclass(frozen=True)
class EmailRule:
    """``sends``: a changed e-mail goes at once; else only those that were released (person -> the new e-mail)."""

    sends: bool = False
    releases: Mapping[str, str] | None = None

    def lets(self, person: str, email: str) -> bool:
        """May this person be moved to this e-mail?"""
        return self.sends or (self.releases or {}).get(person) == email_key(email)


def candidates(person: Person, last: Last, rule: EmailRule) -> list[str]:
    """
    The e-mails that a person may have in the snapshot, the first that nobody else has there is taken.

    The last delivered, then their own, while a change is held; their own, then the last delivered, once released.
    """
    own, known = person.email, last.emails.get(person.ref, ())
    if person.status == "none":  # kept for the account that Unitu has of them, under its e-mail
        return [last.kept[person.ref]]
    key = email_key(own)
    if person.ref in last.former:
        known = (last.former[person.ref],)
    if not known:
        return [own] if key else []
    if not key:
        return _distinct(known)
    if rule.lets(person.ref, own):
        return _distinct([own, *known])
    if person.ref in last.emails and any(email_key(email) == key for email in known):
        # Unitu may have them under it already; the spelling that was sent stays.
        return _distinct([*(email for email in known if email_key(email) == key), *known])
    return _distinct([*known, own])


def assign(wanted: Mapping[str, Sequence[str]], taken: Collection[str], last: Last) -> dict[str, str]:
    """
    Person -> the e-mail that is sent for them; whoever is not in it has none that is free.

    Shape: ``wanted`` maps each person to their candidates. Each asks for their first e-mail; of several that ask for
    one, the account that Unitu last had under it goes first, then whoever had it, had it formerly, or has it as their
    own, by book and key. Whoever loses asks for their next. The result does not depend on the order of ``wanted``
    (stable matching, people asking).
    """
    holders: dict[str, tuple[str, str]] = {}
    waiting = sorted(wanted, reverse=True)
    turn = dict.fromkeys(waiting, 0)
    while waiting:
        ref = waiting.pop()
        while turn[ref] < len(wanted[ref]):
            email = wanted[ref][turn[ref]]
            turn[ref] += 1
            key = email_key(email)
            if key in taken:
                continue
            holder = holders.get(key)
            if holder is None or _claim(ref, key, last) < _claim(holder[0], key, last):
                holders[key] = (ref, email)
                if holder is not None:
                    waiting.append(holder[0])
                break
    return dict(holders.values())


def _claim(ref: str, key: str, last: Last) -> tuple[int, str]:
    """The lowest claim to an e-mail goes first."""
    if last.holder(key) == ref:
        return 0, ref
    if any(seat.ref == ref for seat in last.seats.get(key, ())):
        return 1, ref
    return (2 if email_key(last.former.get(ref, "")) == key else 3), ref


def _distinct(emails: Iterable[str]) -> list[str]:
    """Each e-mail once, in its first spelling."""
    found: dict[str, str] = {}
    for email in emails:
        found.setdefault(email_key(email), email)
    return list(found.values())
