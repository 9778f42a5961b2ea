"""
Whatever Unitu answers, whoever says yes and whichever key is set: our union says at least what Unitu may have.

The machine of ``test_publisher``, with a Unitu that takes parts of what it refuses and answers with pages, with
accounts of its own that a list tells of or not, with yes upon yes, and with keys that are exchanged.
"""

import contextlib
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from pydantic import SecretStr

from services.publisher.decisions import NotWhole, Outdated
from services.publisher.last_snapshot import may_be_at_unitu
from shared.config.load import load
from shared.contract.tenant_state import email_key
from tests.property.test_publisher import STUDENTS, PublisherMachine

THEIRS = ("Head@x", "s9@x")
KEYS = ("made-up-key", "another-key")


class AdoptionMachine(PublisherMachine):
    def __init__(self) -> None:
        super().__init__()
        self.listed: set[str] = set()
        self.confirmed = {KEYS[0]}
        post = self.world.unitu.post

        async def watched(url: str, api_key: SecretStr, body: bytes, seconds: float) -> Any:
            if api_key.get_secret_value() not in self.confirmed:
                self.wrong.append("another institution's key was used")
            return await post(url, api_key, body, seconds)

        self.world.unitu.post = watched  # type: ignore[method-assign]

    @initialize()
    def unitu_has_accounts_of_its_own(self) -> None:
        self.world.unitu.accounts |= {email_key(email): True for email in THEIRS}
        self.owners |= {email_key(email): "" for email in THEIRS}

    @rule(step=st.sampled_from(["in part", "page", "times-out", "lost"]), then=st.sampled_from(["page", 503, 422]))
    def unitu_takes_what_it_will(self, step: str, then: str | int) -> None:
        self.world.unitu.plan = [step, then]

    @rule(student=STUDENTS, step=st.sampled_from(["in part", "page", "times-out", "lost"]))
    def returns_and_nobody_knows(self, student: str, step: str) -> None:
        """Somebody leaves, comes back, and what Unitu took of that is not known."""
        self.leaves(student, is_seen=True)
        self.somebody_publishes()
        self.world.unitu.plan = [step]
        self.joins_or_changes(student, "", "Ada", is_seen=True)

    @rule(has_all=st.booleans())
    def says_yes_with_a_list(self, has_all: bool) -> None:
        """What Unitu has, or only those that we do not know."""
        emails = [email for email in THEIRS if has_all or email == THEIRS[0]]
        with contextlib.suppress(NotWhole):
            shown = self.world.desk.show("abbey", [*emails, *self.world.unitu.enabled] if has_all else emails)
            self.world.desk.adopt(shown, words=shown.words)
            self.approve(shown.disabled)
            self.listed |= {email_key(email) for email in emails}

    @rule()
    def says_yes_twice(self) -> None:
        self.says_yes()
        self.says_yes()

    @rule(key=st.sampled_from(KEYS))
    def a_key_is_set(self, key: str) -> None:
        (self.path / "secret").write_text(key)
        self.world.config = load(self.path / "rollcall.toml", {})
        self.world.restart()

    @rule()
    def confirms_the_key(self) -> None:
        with contextlib.suppress(Outdated):
            self.world.desk.confirm_key("abbey", self.world.desk.fingerprint("abbey"))
            self.trust_the_key()

    def approve(self, disabled: tuple[str, ...]) -> None:
        super().approve(disabled)
        self.trust_the_key()

    def trust_the_key(self) -> None:
        """A yes is to the roster and to the key with which it was shown."""
        self.confirmed = {self.world.config.tenants["abbey"].api_key.get_secret_value()}

    def judge(self, email: str, owner: str, here: dict[str, str]) -> None:
        if owner or email in self.listed:  # of an account that nobody told of nobody can know
            super().judge(email, owner, here)

    @invariant()
    def the_union_has_everybody_who_is_there(self) -> None:
        unlisted = {email_key(email) for email in THEIRS} - self.listed
        state = self.world.state
        there = self.world.unitu.enabled - unlisted
        assert there <= may_be_at_unitu(state), there - may_be_at_unitu(state)

    def ends_well(self) -> None:
        self.a_key_is_set(KEYS[0])
        self.confirms_the_key()
        super().ends_well()


TestAdoption = AdoptionMachine.TestCase
TestAdoption.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
