"""What `rollcall check` finds, part by part. Nothing here changes anything, and no snapshot is sent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.gateway.spool import spool_fault
from services.operations.check import isams
from services.operations.check.sample import State
from shared.config.settings import Config, IsamsSchool, PushSchool, Tenant
from shared.errors import Retryable
from shared.kafka.admin import Standing, Topics, faults_of
from shared.kafka.cluster import words_by_service
from shared.kafka.error_words import user_of
from shared.kafka.rights import OPERATORS, Right
from shared.redis.answers import RedisRefused
from shared.redis.client import away_is_retryable, connect, probe

AT_ONCE = 8  # schools


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. ``fix`` is empty where nothing needs one."""

    part: str
    what: str
    state: State
    message: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """As ``check --json`` has it."""
        what = {"part": self.part, "what": self.what, "state": self.state.word}
        return what | {"message": self.message, "fix": self.fix}


def finding(part: str, what: str, state: State, text: str) -> Finding:
    """``text``: what was found; after a semicolon, what to do."""
    message, _, fix = text.partition("; ")
    return Finding(part, what, state, message, fix)


# --- Kafka and Redis ---------------------------------------------------------------------------------------------


def of_kafka(config: Config) -> list[Finding]:
    try:
        with Topics(config) as topics:
            standings, missing = topics.look(), topics.missing_rights()
    except Retryable as away:
        return [finding("kafka", "reachable", State.FAILED, str(away))]
    reached = finding("kafka", "reachable", State.OK, config.kafka.bootstrap_servers)
    seen = [one for one in standings if not one.is_hidden]  # what may not be seen is told with the rights
    found = of_topics(seen, will_create=config.kafka.create_topics) if seen else []
    return [reached, *found, *of_rights(config, missing)]


def of_rights(config: Config, missing: list[Right]) -> list[Finding]:
    """Without one of a service's rights nothing goes on, and nothing else says so."""
    if not missing:
        return [finding("kafka", "rights", State.OK, f"{user_of(config.kafka)} has all that the services need")]
    return [
        finding("kafka", "rights", State.DEGRADED if service == OPERATORS else State.FAILED, text)
        for service, text in words_by_service(config.kafka, missing).items()
    ]


def of_topics(standings: list[Standing], *, will_create: bool) -> list[Finding]:
    """``will_create``: services make the missing ones when they start."""
    missing = [one for one in standings if one.is_missing]
    found = []
    if will_create and missing:
        text = f"{len(missing)} of {len(standings)} are missing and are made when a service starts"
        found.append(finding("kafka", "topics", State.OK, text))
        standings = [one for one in standings if not one.is_missing]
    stops = [one for one in standings if one.is_missing or one.has_other_partitions]
    rest = [one for one in standings if one not in stops]
    for state, some in ((State.FAILED, stops), (State.DEGRADED, rest)):
        found += [finding("kafka", "topics", state, line) for line in faults_of(some)]
    return found or [finding("kafka", "topics", State.OK, f"all {len(standings)} are there")]


def of_spool(config: Config) -> list[Finding]:
    """Where pushed bodies are kept on their way in, on this machine."""
    if not any(isinstance(school, PushSchool) for school in config.schools.values()):
        return []
    fault = spool_fault()
    state, text = (State.OK, "can be written") if fault is None else (State.FAILED, fault)
    return [finding("gateway", "spool", state, text)]


def of_redis(config: Config) -> list[Finding]:
    """What can be asked, then what can be written: settings that may not be read are told, and keep nothing back."""
    info: Mapping[str, Any] | None = None
    found = []
    try:
        with connect(config) as client:
            try:
                with away_is_retryable():
                    info = client.info()
            except RedisRefused as refusal:
                found.append(finding("redis", "settings", State.DEGRADED, str(refusal)))
            probe(client, config.redis.key_prefix)
    except Retryable as away:
        text = str(away) if "; " in str(away) else f"{away}; see that it runs, and url under [redis]"
        found.append(finding("redis", "writable" if info else "reachable", State.FAILED, text))
    except RedisRefused as refusal:
        found.append(finding("redis", "writable", State.FAILED, str(refusal)))
    if info is None:
        return found
    reached = finding("redis", "reachable", State.OK, f"version {info.get('redis_version', 'unknown')}")
    return [reached, *found, *of_redis_info(info)]


def of_redis_info(info: Mapping[str, Any]) -> list[Finding]:
    """What state needs: a primary, a log on disk, and nothing thrown away when memory is short."""
    found = []
    if info.get("role") == "slave":
        text = "this is a replica and takes no writes; name the primary in url under [redis]"
        found.append(finding("redis", "role", State.FAILED, text))
    has_aof = str(info.get("aof_enabled")) == "1"
    aof = "on" if has_aof else "off: a restart loses state, which is then rebuilt; set appendonly yes"
    found.append(finding("redis", "append-only file", State.OK if has_aof else State.DEGRADED, aof))
    policy = str(info.get("maxmemory_policy", "unknown"))
    keeps = policy == "noeviction"
    text = policy if keeps else f"{policy}: state is thrown away when memory is short; set maxmemory-policy noeviction"
    found.append(finding("redis", "eviction", State.OK if keeps else State.DEGRADED, text))
    return found


# --- tenants and schools -----------------------------------------------------------------------------------------


def of_tenant(slug: str, tenant: Tenant) -> list[Finding]:
    """By the configuration alone: whoever posts to Unitu to see whether it answers has sent a snapshot."""
    words = {
        "live": "live: snapshots go once a person has adopted the roster",
        "dry-run": "dry-run: everything but the POST",
        "paused": "paused: nothing is sent",
    }
    found = [finding(f"tenant {slug}", "mode", State.OK, f"{words[tenant.mode]} ({tenant.url})")]
    if tenant.staff is None:
        text = 'staff is not decided; before going live say staff = "managed" or "not-in-unitu"'
        found.append(finding(f"tenant {slug}", "staff", State.OK, text))
    return found


async def of_schools(config: Config, slugs: list[str]) -> list[Finding]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(slug: str) -> list[Finding]:
        school = config.schools[slug]
        if isinstance(school, PushSchool):
            text = f"pushed to POST /v1/sync on {config.gateway.listen}; its key names the school"
            found = [finding(f"school {slug}", "source", State.OK, text)]
            if config.has_staff(slug):
                text = "managed: its tenant waits until a body has had the list staff, which may be empty"
                found.append(finding(f"school {slug}", "staff", State.OK, text))
            return found
        async with places:
            return await of_isams(slug, school, has_staff=config.has_staff(slug))

    return [found for part in await asyncio.gather(*map(one, slugs)) for found in part]


async def of_isams(slug: str, school: IsamsSchool, *, has_staff: bool = False) -> list[Finding]:
    """The token, each area, each field, and what it costs."""
    found = await isams.of_isams(school, has_staff=has_staff)
    return [finding(f"school {slug}", one.what, one.state, one.text) for one in found]
