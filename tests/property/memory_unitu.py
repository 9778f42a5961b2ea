"""The Unitu twin itself, and the publisher's own way of talking to it, with no network between them."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
from pydantic import SecretStr

from services.publisher.unitu import Outcome, Unitu
from services.sandbox.unitu.rules import Account, Entities, Rules
from services.sandbox.unitu.state import Told
from services.sandbox.unitu.twin import unitu_app
from tests.unit.publisher.world import Crash

KEY = "made-up-key"
ONE = "http://unitu/_twin/universities/abbey"
CRASH = "crash"  # applied, and then the process dies
FAULTS: dict[str, dict[str, Any]] = {
    "times out, applied": {"kind": "apply_then_time_out", "seconds": 0},
    "times out": {"kind": "hang", "seconds": 0},
    "a page, applied": {"kind": "wrong_content_type"},
    "a page": {"kind": "page"},
    "refused in part": {"kind": "taken_in_part"},
    "refused": {"kind": "status", "status": 422},
    "refuses one": {"kind": "status", "status": 422, "text": "students[0].phone is no number"},
    "busy": {"kind": "status", "status": 429},
    CRASH: {},
}


@dataclass(frozen=True)
class Posted:
    """One POST. ``told``: the twin's own report; None when nothing of the body was applied as a snapshot."""

    body: Mapping[str, Any]
    before: Mapping[int, Account]
    after: Mapping[int, Account]
    entities: Entities
    told: Told | None


class MemoryUnitu:
    """``on_post`` hears of every POST once its outcome is there. ``will``: how the next one goes wrong."""

    def __init__(self, rules: Rules, accounts: Iterable[Account], entities: Entities) -> None:
        transport = httpx2.ASGITransport(unitu_app())
        self._client = httpx2.AsyncClient(transport=transport)
        self._unitu = Unitu(transport)
        self.on_post: Callable[[Posted], None] = lambda posted: None
        self._will: str | None = None
        university = {
            "api_key": KEY,
            "accounts": list(accounts),
            "entities": entities,
            "settings": {"rules": rules, "delay_seconds": 0},
        }
        self._ask("PUT", "", university)

    async def post(self, url: str, api_key: SecretStr, body: bytes, timeout_seconds: float) -> Outcome:
        will, self._will = self._will, None
        await self._call("DELETE", "/faults")
        if will is not None and FAULTS[will]:
            await self._call("PUT", "/faults", [{**FAULTS[will], "count": 1}])
        before, reports = await self._accounts(), await self._told()
        entities = await self._call("GET", "/entities", type=Entities)
        outcome = await self._unitu.post(url, api_key, body, timeout_seconds)
        for _ in range(3):
            await asyncio.sleep(0)  # the twin applies it in this very loop, by a timer that is due already
        assert (await self._call("GET", "", type=dict))["idle"]
        told = (await self._told())[len(reports) :]
        self.on_post(Posted(json.loads(body), before, await self._accounts(), entities, told[0] if told else None))
        if will == CRASH:
            raise Crash
        return outcome

    def will(self, fault: str | None) -> None:
        self._will = fault

    def accounts(self) -> dict[int, Account]:
        return asyncio.run(self._accounts())

    def entities(self) -> Entities:
        found: Entities = asyncio.run(self._call("GET", "/entities", type=Entities))
        return found

    def create_entities(self, entities: Entities) -> None:
        """A Customer Success Manager does so, having read a report."""
        self._ask("POST", "/entities", entities)

    def _ask(self, method: str, path: str, content: object = None) -> None:
        self._run(self._call(method, path, content))

    def _run(self, call: Coroutine[Any, Any, Any]) -> None:
        asyncio.run(call)

    async def _accounts(self) -> dict[int, Account]:
        found: list[Account] = await self._call("GET", "/accounts", type=list[Account])
        return {account.number: account for account in found}

    async def _told(self) -> list[Told]:
        return await self._call("GET", "/reports", type=list[Told])  # type: ignore[no-any-return]

    async def _call(self, method: str, path: str, content: object = None, type: Any = Any) -> Any:
        body = None if content is None else msgspec.json.encode(content)
        answer = await self._client.request(method, ONE + path, content=body)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=type)
