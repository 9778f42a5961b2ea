"""
One book's accounts while a batch works on them: what was read, what was changed, and the indexes kept in step. A book
is a school's students or its staff (``shared.contract.populations``).

The hashes beside the records are ``services.reconciler.keys``.
"""

from collections.abc import Iterable

import msgspec

from services.reconciler import changed_ids, keys
from services.reconciler.budget_usage import Recent, Spending, recent_of, recent_of_account
from shared.contract.account_state import AccountState, SchoolState
from shared.contract.codec import MODULUS, decoder, encode
from shared.contract.events import StudentAssessed
from shared.contract.populations import kind_of, school_of
from shared.lanes.view import StateLost, View
from shared.structs import replace

_state_decoder = decoder(AccountState)


class Accounts:
    """
    One book's working set within one batch. ``open`` gives it the lane's view, ``flush`` hands everything to that.

    ``name`` is the book's, by which hashes, keys and ids go; ``slug`` and ``kind`` are what its values say.
    """

    def __init__(self, name: str, school: SchoolState | None) -> None:
        self.name, self.slug, self.kind = name, school_of(name), kind_of(name)
        self._view: View
        self._before = school or SchoolState(school=self.slug, kind=self.kind, offset=-1)
        self.was_known = school is not None
        self.counted = school.students if school is not None else 0
        self.school = self._before
        self._states: dict[str, AccountState | None] = {}
        self._dirty: dict[str, None] = {}  # in the order of the decisions: so the same batch is the same messages
        self._taken: dict[str, tuple[StudentAssessed, bytes]] = {}
        self._holders: dict[str, str | None] = {}
        self._waiters: dict[str, tuple[str, ...]] = {}
        self._students = self.school.students
        self._enabled = self.school.enabled
        self._sum = int(self.school.content_sum, 16)
        self._spending: Spending | None = None
        self._departed: tuple[str, changed_ids.Directory] | None = None

    def open(self, view: View) -> None:
        self._view = view

    # --- students --------------------------------------------------------------------------------------------------

    def learn(self, ids: Iterable[str], values: Iterable[bytes | None]) -> None:
        """Take in what was read of some students; what this batch has already changed is kept."""
        for student, value in zip(ids, values, strict=True):
            if student not in self._states:
                self._states[student] = None if value is None else _state_decoder.decode(value)

    def fetch(self, ids: Iterable[str]) -> None:
        """Read those that this batch has not read yet, in one journey."""
        if missing := [student for student in ids if student not in self._states]:
            self.learn(missing, self._view.get(keys.students(self.name), missing))

    def fetch_all(self) -> dict[str, AccountState]:
        """Everybody of the book. For rare moments: it costs what the book holds."""
        found = self._view.all(keys.students(self.name))
        self.learn(found.keys(), found.values())
        return {student: state for student, state in self._states.items() if state is not None}

    def state(self, student: str) -> AccountState | None:
        """One person as this batch has made them; None: never seen."""
        if student not in self._states:
            self.fetch([student])
        return self._states[student]

    def email(self, student: str) -> str | None:
        """The e-mail that a student's account holds, of those that have been learnt."""
        return keys.email_of(self._states.get(student))

    def known(self, ids: Iterable[str]) -> dict[str, AccountState]:
        """Of these, everybody who is known."""
        ids = list(ids)
        self.fetch(ids)
        return {student: state for student in ids if (state := self._states[student]) is not None}

    def take(self, assessed: StudentAssessed, value: bytes) -> None:
        """Keep the bytes that an assessment came as: the state made of it has them as they are."""
        self._taken[assessed.student_id] = (assessed, value)

    def save(self, state: AccountState) -> None:
        """Remember a student's new state, and keep every index in step with it."""
        student = state.student_id
        before = self._states.get(student)
        self._states[student] = state
        self._dirty[student] = None
        if before is None:
            self._students += 1
        elif "disabled" in (before.status, state.status):
            self._departed = None
        self._enabled += (state.status == "enabled") - (before is not None and before.status == "enabled")
        self._sum += keys.in_sum(state) - keys.in_sum(before)
        self._view.put(keys.digests(self.name), student, keys.digest_entry(state))
        if keys.is_pending(state) != (before is not None and keys.is_pending(before)):
            self._view.put(keys.pending(self.name), student, b"1" if keys.is_pending(state) else None)
        if (entry := keys.recent_entry(state)) != keys.recent_entry(before):
            self._view.put(keys.recent(self.name), student, entry)
            if self._spending is not None:
                self._spending.change(recent_of_account(before), recent_of_account(state))
        self._index_email(before, state)
        self._index_wait(before, state)

    # --- e-mails ---------------------------------------------------------------------------------------------------

    def fetch_emails(self, addresses: Iterable[str]) -> None:
        """Learn in one journey who holds these e-mails (as compared) and who waits for them."""
        fetch_emails(self._view, [(self, addresses)])

    def unknown_emails(self, addresses: Iterable[str]) -> list[str]:
        """Those of which it is not known yet who holds them."""
        return [address for address in dict.fromkeys(addresses) if address not in self._holders]

    def learn_emails(
        self, addresses: Iterable[str], holders: Iterable[bytes | None], waiters: Iterable[bytes | None]
    ) -> None:
        for address, holder, waits in zip(addresses, holders, waiters, strict=True):
            self._holders[address] = None if holder is None else holder.decode()
            self._waiters[address] = keys.names(waits)

    def holder(self, address: str) -> str | None:
        """Who has an e-mail, as compared."""
        if address not in self._holders:
            self.fetch_emails([address])
        return self._holders[address]

    def waiters(self, address: str) -> tuple[str, ...]:
        """Who waits for an e-mail, in line."""
        if address not in self._holders:
            self.fetch_emails([address])
        return self._waiters[address]

    def _index_email(self, before: AccountState | None, after: AccountState) -> None:
        old, new = keys.email_of(before), keys.email_of(after)
        if old == new:
            return
        if (old is not None and old not in self._holders) or (new is not None and new not in self._holders):
            self.fetch_emails(address for address in (old, new) if address is not None)
        if old is not None and self._holders[old] == after.student_id:
            self._holders[old] = None
            self._view.put(keys.emails(self.name), old, None)
        elif old is not None:
            self._view.put(keys.emails(self.name), keys.second_holder(old, after.student_id), None)
        if new is not None:
            self._holders[new] = after.student_id
            self._view.put(keys.emails(self.name), new, after.student_id.encode())

    def _index_wait(self, before: AccountState | None, after: AccountState) -> None:
        old, new = before.waits_for_email if before is not None else None, after.waits_for_email
        if old == new:
            return
        if old is not None:
            self._put_waiters(old, tuple(one for one in self.waiters(old) if one != after.student_id))
        if new is not None:
            self._put_waiters(new, keys.in_line((*self.waiters(new), after.student_id)))

    def _put_waiters(self, address: str, ids: tuple[str, ...]) -> None:
        self._waiters[address] = ids
        self._view.put(keys.waiting(self.name), address, keys.names_entry(ids) if ids else None)

    # --- the school ------------------------------------------------------------------------------------------------

    def has_open(self, sweep: str | None) -> bool:
        """The log is the fence: only the sweep opened last counts, however late another's records come."""
        return self.school.open is not None and self.school.open.sweep == sweep

    @property
    def content_sum(self) -> str:
        return f"{self._sum % MODULUS:032x}"

    def current(self) -> SchoolState:
        """The school's state with its running counts."""
        return replace(self.school, students=self._students, enabled=self._enabled, content_sum=self.content_sum)

    def roll(self) -> frozenset[str]:
        """The last certified roll. Raises: StateLost when the school has one and it is gone."""
        if self.school.roll_hash is None:
            return frozenset()
        (found,) = self._view.get(keys.ROLLS, [self.name])
        if found is None:
            raise StateLost(f"the roll of {self.name} is gone")
        return frozenset(found.decode().split("\n")) if found else frozenset()

    def put_roll(self, ids: frozenset[str], roll_hash: str) -> None:
        self._view.put(keys.ROLLS, self.name, keys.roll_entry(ids))
        self.school = replace(self.school, roll_hash=roll_hash, roll_count=len(ids))

    def pending(self) -> list[str]:
        """Whom a close must look at, whoever was sent again."""
        return sorted(self._view.all(keys.pending(self.name)))

    def recent(self) -> dict[str, Recent]:
        """What each person's record remembers of the last days."""
        return recent_of(self._view.all(keys.recent(self.name)))

    def spending(self) -> Spending:
        """What the guard's budgets have let through lately, this batch's own changes included."""
        if self._spending is None:
            self._spending = Spending(self.recent())
        return self._spending

    def departed(self, when: str) -> changed_ids.Directory:
        """Whose account was disabled lately; who joins may be one of them. As this batch has found it so far."""
        if self._departed is None or self._departed[0] != when:
            edge = changed_ids.days_before(when)
            gone = [student for student, one in self.recent().items() if (one.disabled_at or "") > edge]
            self._departed = when, changed_ids.Directory(self.known(gone).values())
        return self._departed[1]

    @property
    def enabled(self) -> int:
        return self._enabled

    def everybody(self) -> Iterable[AccountState]:
        """As ``fetch_all``, without their ids."""
        return self.fetch_all().values()

    # --- the end of a batch ----------------------------------------------------------------------------------------

    def flush(self) -> tuple[list[tuple[AccountState, bytes]], tuple[SchoolState, bytes] | None]:
        """Hand the changed records to the view. Returns them, each with its bytes, and the school if it changed."""
        hash_name = keys.students(self.name)
        written: list[tuple[AccountState, bytes]] = []
        for student in self._dirty:
            state = self._states[student]
            if state is not None:
                value = self._encode(state)
                self._view.put(hash_name, student, value)
                written.append((state, value))
        self._dirty.clear()
        school = self.current()
        if school == self._before:
            return written, None
        self._before = school
        value = encode(school)
        self._view.put(keys.SCHOOLS, self.name, value)
        return written, (school, value)

    def _encode(self, state: AccountState) -> bytes:
        """Most of a state is its assessment, and that was read and checked as JSON in this very batch."""
        assessed, value = self._taken.get(state.student_id, (None, b""))
        is_same = assessed is not None and assessed is state.assessment
        return encode(msgspec.structs.replace(state, assessment=msgspec.Raw(value)) if is_same else state)


def fetch_emails(view: View, wanted: Iterable[tuple[Accounts, Iterable[str]]]) -> None:
    """Learn in one journey, for several books, who holds some e-mails (as compared) and who waits for them."""
    missing = [(book, addresses) for book, asked in wanted if (addresses := book.unknown_emails(asked))]
    if not missing:
        return
    fields = {name(book.name): addresses for book, addresses in missing for name in (keys.emails, keys.waiting)}
    found = view.get_some(fields)
    for book, addresses in missing:
        book.learn_emails(addresses, found[keys.emails(book.name)], found[keys.waiting(book.name)])
