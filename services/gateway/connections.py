"""
The gateway's connections: how many there may be, of one address and in all, and how long one may say nothing.

A connection that has not said a whole head costs nobody else their place: where none is left, the one that has been
silent for longest goes.
"""

import asyncio
import ipaddress
import logging
import resource
import time
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.logs import REQUESTS

log = logging.getLogger(REQUESTS)

HEAD_SECONDS = 10.0  # from the connection, or from the last answer, until a request's head is whole
ANSWER_SECONDS = 30.0  # in which a sender reads the rest of an answer, or at least so many bytes of it:
LEAST_READ = 64 * 1024
TELL_SECONDS = 60.0  # between two lines about connections that had no place
KEPT_DESCRIPTORS = 128  # for Kafka, Redis, and those that are taken before one can be let go
LEAST_PLACES = 8  # however few descriptors there are
IPV6_SITE = 64  # bits: whoever has one address there has all of them


class Places:
    """Who is connected. ``clock`` is in seconds and never goes back."""

    def __init__(self, most: int, most_of_one: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._clock = clock
        self._all: dict[Connection, str] = {}
        self._of: dict[str, dict[Connection, None]] = {}
        self._silent: dict[Connection, None] = {}  # whose next head is not whole, the longest first
        self._without = 0
        self._told_at = -TELL_SECONDS

    def __len__(self) -> int:
        return len(self._all)

    def take(self, one: "Connection", address: str) -> bool:
        """A place, and False where everybody else is being served."""
        site = site_of(address)
        neighbours = self._of.setdefault(site, {})
        crowd = neighbours if len(neighbours) >= self._most_of_one else None
        if crowd is None and len(self._all) >= self._most:
            crowd = self._silent
        if crowd is not None:
            self._tell()
            if (longest := next((other for other in crowd if other in self._silent), None)) is None:
                self._drop_site(site)
                return False
            self.leave(longest)
            longest.cut()
        self._all[one] = site
        self._of.setdefault(site, {})[one] = None
        return True

    def leave(self, one: "Connection") -> None:
        """Twice does no harm."""
        self._silent.pop(one, None)
        if (site := self._all.pop(one, None)) is not None:
            self._of[site].pop(one, None)
            self._drop_site(site)

    def fell_silent(self, one: "Connection") -> None:
        if one in self._all:
            self._silent[one] = None

    def speaks(self, one: "Connection") -> None:
        self._silent.pop(one, None)

    def _drop_site(self, site: str) -> None:
        if not self._of.get(site):
            self._of.pop(site, None)

    def _tell(self) -> None:
        """One line, then at most one a minute: whoever knocks does not write our log."""
        self._without += 1
        now = self._clock()
        if now - self._told_at >= TELL_SECONDS:
            log.warning(
                "%d connections came when all places were taken (%d are open); the silent gave way. See "
                "gateway.max_connections and gateway.max_connections_per_address",
                self._without,
                len(self._all),
            )
            self._without, self._told_at = 0, now


class Connection(H11Protocol):
    """One connection, with an end to every wait."""

    def __init__(self, *given: Any, places: Places, **named: Any) -> None:
        super().__init__(*given, **named)
        self._places = places
        self._head_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self._unread = 0  # bytes of answers, when that timer began

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of TCP alone
        super().connection_made(transport)
        if self._places.take(self, self.client[0] if self.client else ""):
            self._watch()
        else:
            self.cut()

    def connection_lost(self, exc: Exception | None) -> None:
        self._places.leave(self)
        for timer in (self._head_timer, self._answer_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_a_reader()

    def resume_writing(self) -> None:
        if self._answer_timer is not None and not self.transport.is_closing():
            self._answer_timer.cancel()
            self._answer_timer = None
        super().resume_writing()

    def cut(self) -> None:
        """At once, whatever was to be sent."""
        if self.transport is not None:
            self.transport.abort()

    def _watch(self) -> None:
        """The time of a head runs while nothing is being answered; no byte on the way makes it longer."""
        if self.transport.is_closing():
            self._wait_for_a_reader()
            return
        is_silent = self.cycle is None or self.cycle.response_complete
        if is_silent and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_late)
            self._places.fell_silent(self)
        elif not is_silent and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
            self._places.speaks(self)

    def _too_late(self) -> None:
        """What is still on its way out may arrive."""
        self.transport.close()
        self._wait_for_a_reader()

    def _wait_for_a_reader(self) -> None:
        if self._answer_timer is None:
            self._unread = self.transport.get_write_buffer_size()
            self._answer_timer = self.loop.call_later(ANSWER_SECONDS, self._look_at_the_reader)

    def _look_at_the_reader(self) -> None:
        self._answer_timer = None
        if self._unread - self.transport.get_write_buffer_size() < LEAST_READ:
            self.cut()
        else:
            self._wait_for_a_reader()


def site_of(address: str) -> str:
    """An IPv4 address; of an IPv6 address the network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, IPV6_SITE), strict=False))
    return str(found)


def room_for(wanted: int) -> int:
    """
    How many connections the process' descriptors allow: one each, and one for the body that it sends. Told where that
    is less than what is configured.
    """
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return wanted
    room = max((descriptors - KEPT_DESCRIPTORS) // 2, LEAST_PLACES)
    if room < wanted:
        log.warning(
            "gateway.max_connections is %d, and the limit of %d open files has room for %d; raise it (ulimit -n)",
            wanted,
            descriptors,
            room,
        )
    return min(wanted, room)
