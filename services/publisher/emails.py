"""Under which e-mail each person is in the snapshot. An e-mail does not move by itself."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from services.publisher.last import Last
from services.publisher.person import Person
from shared.tenant import email_key


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
    own = [person.email] if email_key(person.email) else []
    known = list(last.emails.get(person.ref, ()))
    if person.ref in last.former:
        known.append(last.former[person.ref])
    delivered = email_key(person.email) in {email_key(email) for email in last.emails.get(person.ref, ())}
    if delivered and not (own and rule.lets(person.ref, own[0])):
        # Unitu may have them under it already; the spelling that was sent stays.
        first = [email for email in known if email_key(email) == email_key(person.email)]
        return _distinct([*first, *known])
    if own and rule.lets(person.ref, own[0]):
        return _distinct([*own, *known])
    return _distinct([*known, *own])


def assign(people: Iterable[Person], taken: Collection[str], last: Last, rule: EmailRule) -> dict[str, str]:
    """
    Person -> the e-mail that is sent for them; whoever is not in it has none that is free.

    Each asks for their first e-mail; of several that ask for one, the account that Unitu last had under it goes first,
    then whoever had it, had it formerly, or has it as their own, by school and key. Whoever loses asks for their next.
    The result does not depend on the order of ``people`` (stable matching, people asking).
    """
    lists = {person.ref: candidates(person, last, rule) for person in people}
    holders: dict[str, tuple[tuple[int, str], str, str]] = {}
    waiting = sorted(lists, reverse=True)
    turn = dict.fromkeys(waiting, 0)
    while waiting:
        ref = waiting.pop()
        while turn[ref] < len(lists[ref]):
            email = lists[ref][turn[ref]]
            turn[ref] += 1
            key = email_key(email)
            if key in taken:
                continue
            claim = (_rank(ref, key, last), ref)
            holder = holders.get(key)
            if holder is None or claim < holder[0]:
                holders[key] = (claim, ref, email)
                if holder is not None:
                    waiting.append(holder[1])
                break
    return {ref: email for _, ref, email in holders.values()}


def _rank(ref: str, key: str, last: Last) -> int:
    if last.holder(key) == ref:
        return 0
    if any(seat.ref == ref for seat in last.seats.get(key, ())):
        return 1
    return 2 if email_key(last.former.get(ref, "")) == key else 3


def _distinct(emails: Iterable[str]) -> list[str]:
    """Each e-mail once, in its first spelling."""
    found: dict[str, str] = {}
    for email in emails:
        found.setdefault(email_key(email), email)
    return list(found.values())
