"""
After each delivery our report is Unitu's report is what became of Unitu's accounts; and nobody who is there goes.

Random tenants: accounts that Unitu had before, in a list or not; one school or two, pushed or polled, with staff or
without; protected people, holds, outcomes that nobody knows, restored backups, views that are slow or put back, stale
owners; a Unitu that matches by id, or takes each letter of an address as it stands. The twin itself takes the POSTs, by
the publisher's own way of sending and of reading answers.
``AGREEMENT_EXAMPLES`` sets how many stories are told; `make soak` tells more of them.
"""

import copy
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from shared.contract.account_state import AccountState
from shared.memory import MemoryDueQueue
from tests.property.drawn import (
    DETAILS,
    PEOPLE_AT,
    SEVERAL,
    email_of,
)
from tests.property.memory_unitu import FAULTS
from tests.property.stories import Stories

EXAMPLES = int(os.environ.get("AGREEMENT_EXAMPLES", "40"))


class AgreementMachine(Stories):
    # --- what goes wrong ---------------------------------------------------------------------------------------------

    @rule(is_lost=st.sampled_from([False, False, True]))
    def redis_may_be_lost(self, is_lost: bool) -> None:
        if is_lost:
            self.redis_is_lost()

    def redis_is_lost(self) -> None:
        self.world.empty_redis()
        self.unswept = set(self.books)
        self.doubts.memory_is_lost()

    @rule()
    def a_backup_is_made(self) -> None:
        world = self.world
        kept = world.log, world.out, world.lanes, world.tenant_hashes, world.wake_hashes
        self.backup = copy.deepcopy(
            (kept, (self.doubts, self.unitu.accounts(), self.is_let, self.listed, (self.vows.own, self.vows.given)))
        )

    @rule(has_redis=st.booleans())
    def the_backup_is_restored(self, has_redis: bool) -> None:
        """Unitu and the schools have gone on since; no school has been read again yet."""
        if self.backup is None:
            return
        world = self.world
        (world.log, world.out, *redis), then = copy.deepcopy(self.backup)
        before, accounts, self.is_let, self.listed, known = then
        self.vows.go_back_to(*known)
        self.is_restored, world.is_swept = set(self.books), False
        self.doubts.go_back_to(before, accounts)
        if has_redis:
            world.lanes, world.tenant_hashes, world.wake_hashes = redis
            world.due = MemoryDueQueue()
            world.restart()
        else:
            self.redis_is_lost()

    @rule()
    def the_views_store_is_put_back(self) -> None:
        """Redis alone is an older copy, and a worker is quicker than the view."""
        if self.backup is None or self.is_restored:
            return
        (_, _, self.world.lanes, _, self.world.wake_hashes), _ = copy.deepcopy(self.backup)
        self.world.restart()
        self.world.desk.hasten("abbey")
        self.works(150.0)

    @rule(several=SEVERAL, is_all_that_is_left=st.booleans())
    def a_stale_owner_writes(self, several: list[int], is_all_that_is_left: bool) -> None:
        """What it once knew of some people: the last of their keys now, and all that compaction will leave."""
        for ref in {self.person(at) for at in several}:
            truth = self.truth.get(ref)
            older = [one for who, one in self.told if who == ref and truth and told_of(one) != told_of(truth)]
            self.world.append(*older[-1:])
        if is_all_that_is_left and not self.is_restored:
            for lane, log in self.world.log.items():
                last = {record.key: record for record in log}
                kept = [record for record in log if last[record.key] is record]
                self.world.log[lane] = [record.at_offset(place) for place, record in enumerate(kept)]
            self.backup = None  # its positions are of the longer log
            self.redis_is_lost()

    @rule(at=PEOPLE_AT)
    def account_state_loses(self, at: int) -> None:
        self.is_lost(self.person(at))
        self.world.read()

    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def unitu_will(self, fault: str) -> None:
        self.unitu.will(fault)

    @rule(fault=st.sampled_from(sorted(FAULTS)), at=PEOPLE_AT, details=DETAILS, leaves=st.booleans())
    def one_changes_and_nobody_knows(self, fault: str, at: int, details: dict[str, Any], leaves: bool) -> None:
        ref = self.person(at)
        self.unitu.will(fault)
        if leaves:
            self.leaves(ref, is_seen=True)
        else:
            self.comes(ref, email_of(ref), details, is_seen=True)

    @rule(at=PEOPLE_AT, details=DETAILS, records=st.integers(1, 6), seconds=st.sampled_from([5.0, 150.0]))
    def one_leaves_and_returns_before_a_slow_view(
        self, at: int, details: dict[str, Any], records: int, seconds: float
    ) -> None:
        """Joins of others may go after a while; nobody may be taken out by what was read so far."""
        ref = self.person(at)
        before = self.truth[ref].details if ref in self.truth else None
        self.leaves(ref, is_seen=False)
        self.comes(ref, before.email if before else email_of(ref), details, is_seen=False)
        self.the_view_reads_a_little(records)
        self.world.desk.hasten("abbey")
        self.works(seconds)

    @rule(records=st.integers(1, 6))
    def the_view_reads_a_little(self, records: int) -> None:
        for lane, log in self.world.log.items():
            start = self.world.loop.start(lane)
            if batch := log[start : start + records]:
                self.world.loop.step({lane: batch})


def told_of(account: AccountState) -> tuple[Any, ...]:
    return account.status, account.programmes, account.modules, account.details


TestAgreement = AgreementMachine.TestCase
TestAgreement.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
