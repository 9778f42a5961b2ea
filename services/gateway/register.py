"""
Who is who in a feed, as the gateways remember it: by each person's key, what else tells them from others. Pure.

A key is the one under which the feed first said somebody, and it is theirs for life, whatever their address becomes.
"""

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b

import msgspec

from shared.contract.canonical_text import canonical
from shared.contract.model import Details, Frozen
from shared.contract.tenant_state import email_key

MOST_GONE = 100_000  # of one list; beyond that whoever went first is forgotten
_NAME_HEX = 8  # digits of one name's digest: enough to tell two names apart, and no name


class Known(Frozen, array_like=True, kw_only=True):
    """What the feed last said of a person: ``id``, ``email`` (folded) and a digest of both names."""

    id: str | None = None
    email: str | None = None
    names: str | None = None


class Register(Frozen, kw_only=True):
    """
    ``here``: everybody whom a body said to be there and none since a complete one said not to be, in the order of the
    newest body. ``gone``: everybody else that the feed ever said, who keep their key. ``is_proved`` False: this was
    read back from the accounts, and no body proves who was there.
    """

    here: dict[str, Known] = {}
    gone: dict[str, Known] = {}
    is_proved: bool = True

    def compared_anew(self) -> "Register":
        """With each address as it is compared now; keys are for life, whatever made them."""
        people = (*self.here.values(), *self.gone.values())
        if all(known.email is None or known.email.isascii() for known in people):
            return self
        return msgspec.structs.replace(self, here=_compared_anew(self.here), gone=_compared_anew(self.gone))

    def missing(self, here: Mapping[str, Known]) -> list[str]:
        """Who of the last body is not in this one, as far as that can be said; in the last body's order."""
        return [key for key in self.here if key not in here] if self.is_proved else []

    def after(self, here: Mapping[str, Known], *, is_complete: bool) -> "Register":
        """What is remembered once a body was taken; one that is not complete says of nobody that they are gone."""
        if not is_complete:
            here = without_given(self.here, {known.email for known in here.values()}) | dict(here)
        gone = {key: known for key, known in (self.gone | self.here).items() if key not in here}
        return Register(here=dict(here), gone=_newest(gone, MOST_GONE), is_proved=is_complete or self.is_proved)


def _compared_anew(people: Mapping[str, Known]) -> dict[str, Known]:
    return {
        key: known if known.email is None else msgspec.structs.replace(known, email=email_key(known.email))
        for key, known in people.items()
    }


def without_given(people: Mapping[str, Known], given: Collection[str | None]) -> dict[str, Known]:
    """The same people without the addresses that others now have."""
    return {
        key: Known(id=known.id, names=known.names) if known.email is not None and known.email in given else known
        for key, known in people.items()
    }


def _newest(people: dict[str, Known], count: int) -> dict[str, Known]:
    return dict(list(people.items())[-count:]) if len(people) > count else people


def names_of(first: str | None, last: str | None) -> str | None:
    """A digest of both names in one canonical form; None unless both are there."""
    folded = [canonical(name) for name in (first or "", last or "")]
    if not all(folded):
        return None
    return "".join(blake2b(name.encode(), digest_size=_NAME_HEX // 2).hexdigest() for name in folded)


def are_same(names: str | None, others: str | None) -> bool:
    """Whether both names are the same; False where any is not known."""
    return names is not None and names == others


def have_nothing_in_common(names: str | None, others: str | None) -> bool:
    """Whether neither name is the same; False where any is not known."""
    if names is None or others is None:
        return False
    return names[:_NAME_HEX] != others[:_NAME_HEX] and names[_NAME_HEX:] != others[_NAME_HEX:]


def of_roll(roll: Mapping[str, str | None], key: str) -> Register:
    """From what an older release kept: by key, the other of the two fields."""
    if key == "id":
        return Register(here={own: Known(id=own, email=email) for own, email in roll.items()})
    return Register(here={email: Known(id=own, email=email) for email, own in roll.items()})


def of_accounts(accounts: Iterable[tuple[str, Details, bool]]) -> Register:
    """From the accounts that Rollcall has: key, details and whether it is enabled."""
    here: dict[str, Known] = {}
    gone: dict[str, Known] = {}
    for key, details, is_enabled in accounts:
        known = Known(
            id=details.id,
            email=email_key(details.email) or None,
            names=names_of(details.first_name, details.last_name),
        )
        (here if is_enabled else gone)[key] = known
    return Register(here=here, gone=gone, is_proved=False)
