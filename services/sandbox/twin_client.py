"""
Typed clients of the twins' own calls, for tests and demonstrations. Synchronous; a refusal raises
``httpx2.HTTPStatusError``.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2
import msgspec

from services.sandbox.isams.records import School

Json = dict[str, Any]


class _Client:
    def __init__(self, url: str, base: str) -> None:
        self.url = url.rstrip("/")
        self._base = f"{self.url}{base}"
        # A twin speaks plain HTTP on this machine: no proxy on the way, and no certificates worth reading.
        self._http = httpx2.Client(timeout=60.0, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    def _call(self, method: str, path: str, content: object = None, **query: Any) -> Any:
        body = None if content is None else msgspec.json.encode(content)
        response = self._http.request(method, self._base + path, content=body, params=query or None)
        if response.is_error:
            raise httpx2.HTTPStatusError(
                f"{response.status_code}: {response.text}", request=response.request, response=response
            )
        return response.json()

    def settings(self, **changes: Any) -> Json:
        """Change settings by name, and say what they all are."""
        return self._json(self._call("PATCH", "/settings", changes))

    def fault(self, *faults: Mapping[str, Any]) -> None:
        """Misbehave like this, and no longer as before."""
        self._call("PUT", "/faults", [dict(fault) for fault in faults])

    def faults(self) -> list[Json]:
        """What is set, with what is left of each count."""
        return self._list(self._call("GET", "/faults"))

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def forget(self) -> None:
        self._call("DELETE", "")

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _json(content: Any) -> Json:
        return dict(content)

    @staticmethod
    def _list(content: Any) -> list[Json]:
        return list(content)


class IsamsTwin(_Client):
    """One school of an iSAMS twin. ``base_url`` is what a school hands over; ``url`` is the server's."""

    def __init__(self, url: str, slug: str) -> None:
        super().__init__(url, f"/_twin/schools/{slug}")
        self.slug = slug
        self.base_url = f"{self.url}/{slug}"

    def load(self, school: School | Mapping[str, Any], **settings: Any) -> None:
        """
        Bring a school up, anew. ``settings``: as in ``isams_state.Settings``, ``client_id`` and ``client_secret`` among
        them.
        """
        self._call("PUT", "", {"school": school, "settings": settings})

    def replace(self, **lists: Any) -> None:
        """
        Replace whole lists of the school's file, by the names they have there: ``subjects``, ``sets``, ``employees``…
        """
        self._call("PATCH", "", lists)

    def dump(self) -> Json:
        return self._json(self._call("GET", ""))

    def add(self, *records: Mapping[str, Any], to: str = "students") -> None:
        """
        Add whole records, or replace those of the same ``schoolId``. ``to``: students, applicants, alumni or former, or
        employees, whose key is ``id``.
        """
        self._call("POST", f"/{to}", [dict(record) for record in records])

    def read(self, school_id: str, of: str = "students") -> Json:
        return self._json(self._call("GET", f"/{of}/{school_id}"))

    def change(self, school_id: str, of: str = "students", **fields: Any) -> Json:
        """
        Change fields, by the vendor's names, of whoever has the id; with another list than students, of who is in that
        list.
        """
        return self._json(self._call("PATCH", f"/{of}/{school_id}", fields))

    def change_many(self, changes: Mapping[str, Mapping[str, Any]], of: str = "students") -> None:
        """All at once, by id."""
        self._call("PATCH", f"/{of}", {id: dict(fields) for id, fields in changes.items()})

    def remove(self, school_id: str, of: str = "students") -> None:
        """Vanish: gone from every list (from the one list, if another than students is named), 404 by id."""
        self._call("DELETE", f"/{of}/{school_id}")

    def leave(self, *school_ids: str, leaving_date: str | None = None, **changes: Any) -> None:
        """From the roll to the alumni, all at once. ``leaving_date``: ISO; today unless given."""
        self._call("POST", "/leave", {"ids": school_ids, "leaving_date": leaving_date, "changes": changes})

    def come_back(self, school_id: str, keep_alumnus: bool = False, **changes: Any) -> Json:
        """
        Who left or vanished is on the roll again. ``keep_alumnus``: and among the alumni still, as after a
        re-admission.
        """
        return self._json(
            self._call("POST", f"/students/{school_id}/return", {"keep_alumnus": keep_alumnus, "changes": changes})
        )

    def enrol(self, school_id: str, **changes: Any) -> Json:
        """From the applicants to the roll."""
        return self._json(self._call("POST", f"/applicants/{school_id}/enrol", changes))

    def set_list(self, set_id: int) -> list[str]:
        return [str(id) for id in self._call("GET", f"/sets/{set_id}/students")]

    def set_members(self, set_id: int, school_ids: Iterable[str]) -> None:
        self._call("PUT", f"/sets/{set_id}/students", list(school_ids))

    def requests(self, since: int = 0) -> list[Json]:
        """What was asked, oldest first; ``since``: only numbers above it."""
        return self._list(self._call("GET", "/requests", since=since)["requests"])

    def in_flight_peak(self) -> int:
        """How many requests were open at once, at most."""
        return int(self._call("GET", "/requests", since=10**12)["in_flight_peak"])

    def clear_requests(self) -> None:
        self._call("DELETE", "/requests")

    def revoke_tokens(self) -> None:
        self._call("DELETE", "/tokens")


class UnituTwin(_Client):
    """One university of a Unitu twin. ``sync_url`` takes its snapshots."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(url, f"/_twin/universities/{name}")
        self.name = name
        self.sync_url = f"{self.url}/v1/sync"

    def create(
        self,
        api_key: str,
        accounts: Sequence[Mapping[str, Any]] = (),
        entities: Mapping[str, Any] | None = None,
        mode: str = "enabled",
        **settings: Any,
    ) -> None:
        """Anew. ``settings``: as in ``unitu_state.Settings``."""
        content = {
            "api_key": api_key,
            "accounts": list(accounts),
            "entities": entities or {},
            "mode": mode,
            "settings": settings,
        }
        self._call("PUT", "", content)

    def summary(self) -> Json:
        return self._json(self._call("GET", ""))

    def set_mode(self, mode: str) -> None:
        """enabled, disabled or dry-run."""
        self._call("PUT", "/mode", {"mode": mode})

    def accounts(self) -> list[Json]:
        return self._list(self._call("GET", "/accounts"))

    def account(self, email: str) -> Json | None:
        wanted = email.strip().casefold()
        return next((account for account in self.accounts() if account["email"].strip().casefold() == wanted), None)

    def enabled(self) -> set[str]:
        """The e-mails of the accounts that can log in."""
        return {account["email"] for account in self.accounts() if account["enabled"]}

    def add_accounts(self, *accounts: Mapping[str, Any]) -> None:
        """Accounts of Unitu's own, from elsewhere than a snapshot."""
        self._call("POST", "/accounts", [dict(account) for account in accounts])

    def rename(self, old: str, new: str) -> None:
        """Give an account another e-mail, as a person at Unitu would."""
        self._call("POST", "/accounts/rename", {"old": old, "new": new})

    def entities(self) -> Json:
        return self._json(self._call("GET", "/entities"))

    def set_entities(self, **kinds: Mapping[str, str]) -> None:
        """Exactly these exist: ``programmes={"Y10": "Year 10"}``…"""
        self._call("PUT", "/entities", kinds)

    def add_entities(self, **kinds: Mapping[str, str]) -> None:
        self._call("POST", "/entities", kinds)

    def adopt_entities(self) -> Json:
        """Create every entity of the newest accepted snapshot."""
        return self._json(self._call("POST", "/entities/adopt"))

    def snapshots(self, bodies: bool = True, since: int = 0) -> list[Json]:
        return self._list(self._call("GET", "/snapshots", bodies=str(bodies).lower(), since=since))

    def snapshot(self, number: int) -> Json:
        return self._json(self._call("GET", f"/snapshots/{number}"))

    def reports(self) -> list[Json]:
        return self._list(self._call("GET", "/reports"))

    def history(self, email: str | None = None) -> list[Json]:
        return self._list(self._call("GET", "/history", **({} if email is None else {"email": email})))

    def ever_disabled(self) -> set[str]:
        """The e-mails of all whose account was disabled at some time."""
        return {event["change"]["email"] for event in self.history() if event["change"]["kind"] == "disable"}

    def wait_idle(self, seconds: float = 60.0, received: int = 0) -> Json:
        """Until everything accepted is applied and at least ``received`` POSTs have come. Raises: TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            summary = self.summary()
            if summary["idle"] and summary["received"] >= received:
                return summary
            if time.monotonic() > deadline:
                raise TimeoutError(f"Unitu is not idle: {summary}")
            time.sleep(0.02)
