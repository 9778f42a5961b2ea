"""The configuration tried out: Kafka, Redis, each school, each tenant, and what others on this machine may read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.operations.check import findings
from services.operations.check.exposure import of_exposure
from services.operations.check.findings import Finding
from services.operations.check.machine import of_machine
from services.operations.check.sample import State
from shared.config.settings import Config


@dataclass(frozen=True)
class CheckAnswer:
    """What was found, in the order in which records pass through the parts."""

    findings: tuple[Finding, ...]

    @property
    def worst(self) -> State:
        return max((one.state for one in self.findings), default=State.OK)

    @property
    def verdict(self) -> str:
        """In a word."""
        return "fine" if self.worst is State.OK else self.worst.word

    def as_dict(self) -> dict[str, Any]:
        """As ``check --json`` has it."""
        return {"verdict": self.verdict, "findings": [one.as_dict() for one in self.findings]}


def check(config: Config, slugs: Sequence[str], files: Mapping[str, Path]) -> CheckAnswer:
    """
    Of these schools and their tenants, and of what they share. Nothing is changed, and nothing is sent to Unitu; what
    cannot be reached is a finding. ``files``: setting -> the file that it names and that nobody else should read.
    """
    return CheckAnswer((*of_exposure(config, files), *asyncio.run(_parts(config, slugs))))


async def _parts(config: Config, slugs: Sequence[str]) -> list[Finding]:
    """All at once."""
    kafka, redis, schools = await asyncio.gather(
        asyncio.to_thread(findings.of_kafka, config),
        asyncio.to_thread(findings.of_redis, config),
        findings.of_schools(config, list(slugs)),
    )
    tenants = sorted({config.schools[slug].tenant for slug in slugs})
    of_tenants = [one for slug in tenants for one in findings.of_tenant(slug, config.tenants[slug])]
    return [*kafka, *redis, *findings.of_spool(config), *of_machine(config), *schools, *of_tenants]
