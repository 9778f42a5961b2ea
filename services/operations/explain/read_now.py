"""One student read now, for a question: two or three requests, and nothing is said or remembered."""

import asyncio

from services.fetcher.isams.clients import Hosts
from services.fetcher.isams.source import Refused
from services.fetcher.sweep.absence_lookup import find
from services.fetcher.sweep.areas import STATUSES, read_areas
from services.fetcher.sweep.record_reader import reader_of
from services.fetcher.sweep.redis_cache import RedisMemory
from services.operations.explain.evidence import ReadNow
from shared.clock import Clock, utc_now, write
from shared.config.settings import Config, IsamsSchool
from shared.errors import Retryable
from shared.redis.client import connect


def read(config: Config, slug: str, student_id: str, clock: Clock = utc_now) -> ReadNow:
    """
    By what the fetcher remembers of the school's structure, and the status words as they are now. What the school
    answers, or that it does not, is part of the answer. Raises: Retryable when Redis is away.
    """
    school = config.schools[slug]
    if not isinstance(school, IsamsSchool):
        raise TypeError("only iSAMS is read")
    return asyncio.run(_read(config, slug, school, student_id, clock))


async def _read(config: Config, slug: str, school: IsamsSchool, student_id: str, clock: Clock) -> ReadNow:
    client = connect(config)
    known = RedisMemory(client, config.redis.key_prefix).load(slug)
    source = Hosts(config, client).source_of(school)  # the fetcher's manners count for it too
    try:
        reader = reader_of(school, await read_areas(slug, school, source, known, (STATUSES,), clock))
        read_at = write(clock())
        is_applicant = student_id in reader.people.applicants
        student = await find(source, reader, student_id, is_applicant=is_applicant)
    except (Refused, Retryable) as trouble:
        return ReadNow(write(clock()), trouble=str(trouble))
    finally:
        await source.close()
    return ReadNow(read_at, student)
