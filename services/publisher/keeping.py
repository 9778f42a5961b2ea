"""
A hold costs only its own people: whoever is held stays in the snapshot as last sent, and all else goes. Pure.

The snapshot is taken, judged, and taken again with those who may not go, until nothing speaks against it. Only where it
is not known how somebody was sent, or where the reason is nobody's own, nothing goes at all.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from services.publisher.codes import with_codes_of
from services.publisher.email_assignment import EmailRule
from services.publisher.facts import Facts
from services.publisher.last_snapshot import Last, last_of, outstanding
from services.publisher.report import Sent
from services.publisher.safety import judge, unswept
from services.publisher.snapshot import PLAIN, Kept, Snapshot, take
from services.publisher.tenant_view import TenantView
from services.publisher.verdict import Hold, Send, Verdict, Wait
from shared.config.settings import Tenant
from shared.contract.deliveries import Who
from shared.contract.populations import kind_of, school_of
from shared.contract.tenant_state import Reason, Seat, TenantState, email_key


@dataclass(frozen=True)
class Composed:
    """``blocked``: why nothing goes. ``partial``: why some people are sent as before, though all else goes."""

    snapshot: Snapshot
    blocked: Hold | Wait | None = None
    partial: Hold | Wait | None = None


def email_rule(state: TenantState, settings: Tenant) -> EmailRule:
    return EmailRule(sends=settings.email_change == "send", releases=state.email_releases)


def compose(
    view: TenantView,
    state: TenantState,
    settings: Tenant,
    sent: Callable[[], Mapping[str, Sent]],
    *,
    is_live: bool,
) -> Composed:
    """
    The snapshot that may go. ``sent``: e-mail -> what was last accepted under it; asked for only where it is needed.
    """
    return _Composer(view, state, settings, sent, is_live=is_live).compose()


class _Composer:
    def __init__(
        self,
        view: TenantView,
        state: TenantState,
        settings: Tenant,
        sent: Callable[[], Mapping[str, Sent]],
        *,
        is_live: bool,
    ) -> None:
        self._view, self._state, self._facts, self._is_live = view, state, view.facts, is_live
        self._ask_sent = sent
        self._known_sent: Mapping[str, Sent] | None = None
        self._last = last_of(state)
        self._rule = email_rule(state, settings)
        self._has_staff = settings.staff == "managed"
        self._base = replace(PLAIN, retired=view.retired, refused=state.refused, releases=state.releases)

    def compose(self) -> Composed:
        if self._is_live and (blind := self._keep_codes()):
            return Composed(self._take(), blocked=blind)
        held: list[Hold | Wait] = []
        while True:  # each round holds more people than the one before
            snapshot = self._take()
            verdict = self._judge(snapshot)
            if isinstance(verdict, Send):
                return Composed(snapshot, partial=together([*held, *_of_their_own(snapshot, self._facts)]))
            if not verdict.who or not self._keep(verdict, snapshot):
                return Composed(snapshot, blocked=verdict)
            held.append(verdict)

    def _take(self) -> Snapshot:
        view, people = self._view, self._facts.people.values()
        return take(
            people, view.structures, view.protected, self._last, self._rule, self._base, has_staff=self._has_staff
        )

    def _judge(self, snapshot: Snapshot) -> Verdict:
        state = self._state
        positions = state.positions | outstanding(state).positions
        return judge(
            self._facts,
            snapshot,
            self._last,
            positions,
            state.adoption,
            self._rule,
            state.releases,
            is_live=self._is_live,
        )

    # --- who stays -----------------------------------------------------------------------------------------------

    def _keep(self, verdict: Hold | Wait, snapshot: Snapshot) -> bool:
        """Everybody whom the verdict is about is sent as before. False where nobody knows how that was."""
        kept = dict(self._base.kept)
        there = {one.seat.ref for one in kept.values() if one.seat.book}
        for who in verdict.who:
            key = _key_of(who, self._last)
            seat = _seat_of(who, key, self._last)
            if seat.ref in there and seat.book:
                continue  # under the other e-mail that Unitu may have them by
            if seat.kind == "staff" and not self._has_staff:
                return False
            found = self._as_sent(key, seat, is_refused=seat.ref in snapshot.refused)
            if found is None:
                return False
            kept[key] = found
            there.add(seat.ref)
        is_more = len(kept) > len(self._base.kept)
        self._base = replace(self._base, kept=kept)
        return is_more

    def _as_sent(self, key: str, seat: Seat, *, is_refused: bool) -> Kept | None:
        """
        Who is enabled keeps the e-mail, with their newest record; another the record that was sent. The seat keeps its
        position: evidence from after it still counts once the hold is over. What was sent is what was accepted: while a
        later outcome is unknown, they may be in what their newest record has, and nobody is taken out of it.
        """
        person = self._facts.people.get(seat.ref) if seat.book else None
        if person is not None and person.status == "enabled" and person.head and not is_refused:
            json = person.json(seat.email or key)
            before = self._base.codes.get(key)
            fresh = Seat(book=seat.book, person=seat.person, email=seat.email)
            return Kept(fresh, json if before is None else with_codes_of(json, before))
        sent = self._sent.get(key)
        if sent is not None:
            is_unsure = self._state.unknown is not None or self._state.intent is not None
            newest = person.json(seat.email or key) if person is not None and person.head and not is_refused else b""
            return Kept(seat, with_codes_of(sent.json, newest) if is_unsure and newest else sent.json)
        if person is not None and person.head and not is_refused:
            return Kept(seat, person.json(seat.email or key))
        return None

    @property
    def _sent(self) -> Mapping[str, Sent]:
        if self._known_sent is None:
            self._known_sent = {email: sent for email, sent in self._ask_sent().items() if not sent.is_gone}
        return self._known_sent

    # --- after a rebuild -----------------------------------------------------------------------------------------

    def _keep_codes(self) -> Wait | None:
        """
        While a rebuilt lane was not swept, no record loses a code: what the view has may be old. A wait where nobody
        knows which codes were sent; a later yes to the roster lifts that, and not the codes, which it has not shown.
        """
        if not self._is_known():
            return None
        rebuilt, waiting = unswept(self._facts, None), unswept(self._facts, self._state.adoption)
        if waiting and self._state.accepted is not None:
            unsent = (email for email in self._last_in(waiting) if email in self._state.roster)
            if any(email not in self._sent for email in unsent):
                return Wait(tuple(_blind(book) for book in sorted(waiting)))
        codes = {email: self._sent[email].json for email in self._last_in(rebuilt) if email in self._sent}
        self._base = replace(self._base, codes=codes)
        return None

    def _last_in(self, books: Collection[str]) -> list[str]:
        """The e-mails that the last snapshot had for people of these books."""
        seats = self._last.seats.items() if books else ()
        return [email for email, own in seats if any(seat.book in books for seat in own)]

    def _is_known(self) -> bool:
        return all(book in self._facts.states for book in self._facts.books)


def _blind(book: str) -> Reason:
    staff = " of the staff" if kind_of(book) == "staff" else ""
    return Reason(
        code="after_rebuild",
        message=f"state was rebuilt, and what was last sent is lost; a full sweep{staff} must be decided first:"
        f" `rollcall sync {school_of(book)} --full`",
        school=school_of(book),
    )


def _key_of(who: Who, last: Last) -> str:
    """Under what the last snapshot had them: of two who share an address now, one has the key of an earlier release."""
    keys = email_key(who.email), who.email.strip().casefold()
    return next((key for key in keys if any(_is_theirs(seat, who) for seat in last.seats.get(key, ()))), keys[0])


def _is_theirs(seat: Seat, who: Who) -> bool:
    return (seat.school, seat.person) == (who.school, who.person)


def _seat_of(who: Who, key: str, last: Last) -> Seat:
    seats = last.seats[key]
    return next((seat for seat in seats if _is_theirs(seat, who)), seats[0])


def _of_their_own(snapshot: Snapshot, facts: Facts) -> list[Hold]:
    """Who is left out or sent as before although nobody would be disabled by it."""
    found = []
    if snapshot.moves:
        reasons = tuple(
            Reason(
                code="address_moves",
                message="an e-mail that is one person's account at Unitu would become another's; `rollcall publish"
                f" TENANT --release {move.hash}` names both and lets it go",
                count=1,
                hash=move.hash,
            )
            for move in snapshot.moves
        )
        found.append(
            Hold(reasons, tuple(_whose(move.ref, move.email, facts, "address_moves") for move in snapshot.moves))
        )
    left_out = sorted(ref for ref in snapshot.refused if ref not in snapshot.carried)
    if left_out:
        message = (
            f"{len(left_out)} have a record that Unitu refuses, and are left out: correct it in the school's records"
        )
        reason = Reason(code="refused_by_unitu", message=message, count=len(left_out))
        found.append(Hold((reason,), tuple(_whose(ref, "", facts, "refused_by_unitu") for ref in left_out)))
    return found


def _whose(ref: str, email: str, facts: Facts, reason: str) -> Who:
    person = facts.people.get(ref)
    if person is None:
        return Who(school="", person=ref, email=email, reason=reason)
    return Who(school=person.school, kind=person.kind, person=person.person, email=email or person.email, reason=reason)


def together(verdicts: list[Hold | Wait]) -> Hold | Wait | None:
    """As one; it needs a person if any of them does."""
    if not verdicts:
        return None
    reasons = tuple(reason for verdict in verdicts for reason in verdict.reasons)
    who = tuple(one for verdict in verdicts for one in verdict.who)
    is_hold = any(isinstance(verdict, Hold) for verdict in verdicts)
    return Hold(reasons, who) if is_hold else Wait(reasons, who)
