"""From pushed bodies to Unitu, all in memory: the gateway, eligibility, the reconciler and the publisher."""

import asyncio
from pathlib import Path
from typing import Any

from shared.config.load import load
from shared.contract.topics import ACCOUNT_STATE
from tests.unit.gateway.test_pipeline import Pushed, emails, with_changes
from tests.unit.gateway.world import API_KEY, SLUG, a_body, email, pupils
from tests.unit.publisher.world import LIVE, QUICK, World


def a_unitu(folder: Path) -> World:
    (folder / "secret").write_text("made-up")
    (folder / "key").write_text(API_KEY)
    path = folder / "unitu.toml"
    path.write_text(
        f'[kafka]\npartitions = 1\n[tenants.abbey]\napi_key = {{ file = "secret" }}\n{LIVE}{QUICK}'
        f'[schools.{SLUG}]\ntenant = "abbey"\nsource = "push"\napi_key = {{ file = "key" }}\n'
    )
    return World(load(path, {}))


class Told:
    """What comes of each body at a Unitu that was adopted with the first."""

    def __init__(self, folder: Path) -> None:
        self.pushed, self.unitu = Pushed(folder), a_unitu(folder)
        self.runner = asyncio.Runner()
        self.read = 0

    def push(self, body: Any, until: float = 60) -> None:
        """The publisher has a loop of its own, which runs in none."""
        self.runner.run(self.pushed.push(body))
        states = self.pushed.road.out.of(ACCOUNT_STATE)
        for message in states[self.read :]:
            self.unitu._put(0, message.key, message.value or b"", list(message.headers))
        if self.read == 0:
            self.unitu.read()
            self.unitu.adopt()
        self.read = len(states)
        self.unitu.read()
        self.unitu.work(until=until)


def test_a_new_email_of_the_same_id_is_no_second_account_at_unitu(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.push(a_body(pupils(30)))
    assert told.unitu.unitu.enabled == emails(30)
    told.push(a_body(with_changes(30, {3: {"email": "ada.married3@northern.example"}})))
    assert told.unitu.unitu.enabled == emails(30), "the new address waits for a person"
    told.runner.close()
    of_three = [one["email"] for one in told.unitu.unitu.bodies[-1]["students"] if one["id"] == "S000003"]
    assert of_three == [email(3)]
