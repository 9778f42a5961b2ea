"""The gateway's addresses: POST /v1/sync, GET /v1/sync/{sweep}, GET /health."""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPStatus
from os import SEEK_END
from typing import IO, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.ambiguity import check_unambiguous
from services.gateway.body import NotJson
from services.gateway.check import Refused
from services.gateway.feed_store import Memory
from services.gateway.intake import EPOCH, Intake
from services.gateway.keys import ApiKeys, given_key
from services.gateway.problems import Problem, attempt_of, later, refused
from services.gateway.progress import told
from services.gateway.publish_lease import FINISH_SECONDS, LEASE_SECONDS, PublishLease, SenderGone, Stopping, stopped
from services.gateway.spool import NO_ROOM_SECONDS, spool, spool_fault, too_large
from services.gateway.turns import LARGE, SMALL, Turn, Turns
from shared.clock import Clock, write
from shared.config.settings import PushSchool
from shared.errors import Retryable
from shared.logs import REQUESTS
from shared.redis.answers import RedisRefused
from shared.work.lease import now

log = logging.getLogger("rollcall.gateway")
requests = logging.getLogger(REQUESTS)

BUSY_SECONDS = 10  # until a second body of a school should be sent again
RETRY_SECONDS = 30  # until one should that met a Kafka or a Redis which was away
REFUSED_SECONDS = 300  # until one should that met a Redis which a person must put right
PROBE_SECONDS = 1.0  # between two looks at the memory
PROBE_TIMEOUT_SECONDS = 2.0  # of whoever asks for the gateway's health

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]


class Web:
    """The endpoints; ``app`` is the application made of them."""

    def __init__(
        self,
        keys: ApiKeys,
        memory: Memory,
        intake: Intake,
        clock: Clock,
        max_body_bytes: int,
        stopping: Stopping,
        lease_seconds: float = LEASE_SECONDS,
        modes: Mapping[str, str] | None = None,
    ) -> None:
        """``modes``: of each tenant."""
        self._modes = modes or {}
        self._keys = keys
        self._memory = memory
        self._intake = intake
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._stopping = stopping
        self._lease_seconds = lease_seconds
        self._probing: asyncio.Task[None] | None = None
        self._probed_at = 0.0
        self._is_unwell = False
        self._turns = Turns()
        self._threads = ThreadPoolExecutor(LARGE + SMALL, thread_name_prefix="gateway")

    def app(self) -> Starlette:
        app = Starlette(
            routes=[
                Route("/v1/sync", _answered(self.sync), methods=["POST"]),
                Route("/v1/sync/{sweep}", _answered(self.status), methods=["GET"]),
                Route("/health", _answered(self.health), methods=["GET"]),
            ],
            exception_handlers={HTTPException: _no_such_thing},
        )
        app.router.redirect_slashes = False  # it would name the host that the sender named, and in clear
        return app

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def sync(self, request: Request) -> Response:
        if self._stopping.since is not None:
            raise stopped()
        school, settings = self._keys.school(given_key(request.scope["headers"]))
        try:
            return await self._sync(request, school, settings)
        except (Refused, NotJson, Problem) as refusal:
            await self._remember(school, refusal, request)
            raise

    async def _sync(self, request: Request, school: str, settings: PushSchool) -> Response:
        _check_headers(request, self._max_body_bytes)
        is_rehearsal = _is_rehearsal(request)
        seconds, asked = self._lease_seconds, now()
        lease = await asyncio.to_thread(self._memory.open, school, _milliseconds(self._clock()), seconds)
        if lease is None:
            detail = "Another body of this school is being taken; send this one again."
            raise later("another-body", detail, BUSY_SECONDS, HTTPStatus.CONFLICT)
        async with PublishLease(lease, self._memory, self._stopping, seconds, asked) as gate:
            file = await self._unless_stopped(spool(request.stream(), self._max_body_bytes), 0)
            with file:
                if is_rehearsal:
                    return _json(await self._worked(request, gate, file, self._intake.rehearse, school, settings))
                url, answer = await self._worked(request, gate, file, self._intake.take, school, settings)
        return _json(answer, HTTPStatus.ACCEPTED, {"Location": url})

    async def _worked(
        self,
        request: Request,
        gate: PublishLease,
        file: IO[bytes],
        work: Callable[[str, PushSchool, IO[bytes], PublishLease], T],
        school: str,
        settings: PushSchool,
    ) -> T:
        """What the work comes to, in a thread, when it is the school's turn. Raises: SenderGone, too."""
        turn = self._turns.ask(school, file.seek(0, SEEK_END))
        leaving = asyncio.create_task(_until_sender_leaves(request, gate, turn))
        try:
            await self._unless_stopped(turn.given, 0)
            running = asyncio.get_running_loop().run_in_executor
            return await self._unless_stopped(
                running(self._threads, work, school, settings, file, gate), FINISH_SECONDS + 1
            )
        finally:
            leaving.cancel()
            self._turns.end(turn)

    async def _remember(self, school: str, refusal: Refused | NotJson | Problem, request: Request) -> None:
        """For whoever asks how the school stands; a rehearsal, and what may only be sent again, is no refusal."""
        attempt = attempt_of(refusal, write(self._clock()))
        if attempt is None or dict(request.query_params).get("dry_run") == "true":
            return
        try:
            await asyncio.to_thread(self._memory.refuse, school, attempt)
        except Retryable as trouble:
            log.debug("%s: storing the refusal of a body failed: %s", school, trouble)

    async def status(self, request: Request) -> Response:
        school, settings = self._keys.school(given_key(request.scope["headers"]))
        found = await asyncio.to_thread(self._memory.course, school, request.path_params["sweep"])
        if found is None:
            detail = "This school has no accepted body by that name, or not any more."
            raise Problem(HTTPStatus.NOT_FOUND, "unknown-sweep", detail)
        return _json(told(found, self._modes.get(settings.tenant, "dry-run")))

    async def health(self, _: Request) -> Response:
        """Whether a body would be taken now, as far as the gateway's memory and its disk go; why not, its log says."""
        if self._stopping.since is not None:
            raise stopped()
        try:
            await self._probe()
        except (Retryable, RedisRefused, TimeoutError) as trouble:
            self._note_health(str(trouble) or "Redis: no answer in time")
            raise later("not-ready", "Redis takes nothing now; the gateway's log says why.", RETRY_SECONDS) from trouble
        if (fault := await asyncio.to_thread(spool_fault)) is not None:
            self._note_health(fault)
            raise later("no-room", "No body can be kept on disk; the gateway's log says why.", NO_ROOM_SECONDS)
        self._note_health("")
        return _json(b'{"status":"ok"}')

    async def _probe(self) -> None:
        """One look at a time however many ask, and one a second. Raises: Retryable, RedisRefused, TimeoutError."""
        now = time.monotonic()
        if self._probing is None or (self._probing.done() and now - self._probed_at >= PROBE_SECONDS):
            self._probed_at = now
            self._probing = asyncio.create_task(asyncio.to_thread(self._memory.probe))
            self._probing.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may wait then
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            await asyncio.shield(self._probing)

    def _note_health(self, trouble: str) -> None:
        """One line per change."""
        if bool(trouble) != self._is_unwell:
            self._is_unwell = bool(trouble)
            log.warning("bodies are refused: %s", trouble) if trouble else log.warning("bodies are accepted again")

    async def _unless_stopped(self, work: Awaitable[T], grace: float) -> T:
        """The work's result. Raises: Problem, when the gateway stops and ``grace`` seconds later it is not done."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self._stopping.event.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=grace)
            if not task.done():
                raise stopped()
            return await task
        finally:
            stopping.cancel()
            task.cancel()
            del (
                task,
                work,
            )  # whose failure knows this frame: the two would keep the whole of a body from being forgotten


async def _until_sender_leaves(request: Request, gate: PublishLease, turn: Turn) -> None:
    """After the body nothing comes but that."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gate.sender_left()
    turn.give_up(SenderGone())


def _is_rehearsal(request: Request) -> bool:
    """Raises: Problem: a body whose sender meant a rehearsal, and misspelt it, may not be taken."""
    asked = dict(request.query_params)
    if asked not in ({}, {"dry_run": "true"}, {"dry_run": "false"}):
        detail = "The only parameter is dry_run, true or false."
        raise Problem(HTTPStatus.BAD_REQUEST, "unknown-parameter", detail)
    return asked.get("dry_run") == "true"


def _check_headers(request: Request, max_body_bytes: int) -> None:
    """Raises: Problem, for a body that need not be read to be refused."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-json", "Send Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        detail = "Send the body as it is, without Content-Encoding."
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoded-body", detail, headers={"Accept-Encoding": "identity"}
        )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_body_bytes:
        raise too_large(max_body_bytes)


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _json(content: bytes, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response:
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def _answered(endpoint: Endpoint) -> Endpoint:
    """Whatever is raised becomes an answer; no log line has a word of a body."""

    async def answer(request: Request) -> Response:
        try:
            check_unambiguous(request)
            return await endpoint(request)
        except Problem as problem:
            return problem.response()
        except Refused as refusal:
            return refused(refusal).response()
        except NotJson as error:
            return Problem(HTTPStatus.BAD_REQUEST, "not-json", f"The body is not JSON: {error}.").response()
        except Retryable as trouble:
            requests.warning("request answered 503: %s", trouble)
            return later("try-again", "Rollcall cannot take this now; send it again.", RETRY_SECONDS).response()
        except RedisRefused as refusal:
            requests.error("request answered 503: %s", refusal)
            return later("try-again", "Rollcall cannot take this now; send it again.", REFUSED_SECONDS).response()
        except (ClientDisconnect, SenderGone):
            requests.info("sender disconnected before its body was taken")
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        except Exception as bug:
            place = traceback.extract_tb(bug.__traceback__)[-1]
            requests.error("a bug: %s in %s, line %s", type(bug).__name__, place.filename, place.lineno)
            detail = "Rollcall has failed on this; nothing says that the body is wrong."
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", detail).response()

    return answer


async def _no_such_thing(_: Request, error: Exception) -> Response:
    """What the router refuses."""
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    return Problem(status, kind, f"{status.phrase}.", headers=error.headers).response()
