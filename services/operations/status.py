"""How each population stands now: asked of the holds, of the readings and of the tenants' deliveries."""

from collections.abc import Mapping, Sequence

from services.operations.attempts import Looks
from services.operations.errors import OperationError
from services.operations.holds.holdings import Holdings
from services.operations.standing import (
    Delivering,
    Obstacle,
    PopulationStanding,
    next_try,
    rebuilt,
    refused_people,
    state_of,
    troubles_of,
    undelivered,
)
from shared import clock
from shared.config.settings import Config
from shared.contract.populations import school_of


def status(
    config: Config, holdings: Holdings, looks: Looks, slugs: Sequence[str], now: str
) -> list[PopulationStanding]:
    """Each school's students, and its staff where they are managed. Raises: Retryable when Redis is away."""
    tenants = sorted({config.schools[slug].tenant for slug in slugs})
    delivering = {name: looks.delivering(name) for name in tenants}
    books = [book for slug in slugs for book in config.books_of(slug)]
    return [standing(config, holdings, looks, book, delivering, now) for book in books]


def standing(
    config: Config, holdings: Holdings, looks: Looks, book: str, delivering: Mapping[str, Delivering], now: str
) -> PopulationStanding:
    """One population; of one of which nothing is known, that is its trouble. Raises: Retryable."""
    school = config.schools[school_of(book)]
    attempts, tenant = looks.attempts(book), school.tenant
    at_unitu = undelivered(tenant, config.tenants[tenant], delivering[tenant])
    is_held = at_unitu is not None and (held := delivering[tenant].held) is not None and held.kind == "hold"
    try:
        known, plans, budgets = holdings.school(book), holdings.of(book), holdings.budgets(book, now)
    except OperationError as nothing:
        unknown = Obstacle("unknown", nothing.message, to_do=nothing.fix)
        found = (*troubles_of(book, None, school, attempts, now), unknown)
        return PopulationStanding(book, tenant, state_of(None, found), troubles=found, next_try=next_try(attempts))
    of_tenant = [*rebuilt(school, holdings.rebuilt_because(book)), *([at_unitu] if at_unitu is not None else [])]
    of_people = refused_people(book, delivering[tenant]) if config.tenants[tenant].mode == "live" else []
    troubles = (*troubles_of(book, known, school, attempts, now), *of_tenant, *of_people)
    certified = known.certified if known is not None else None
    return PopulationStanding(
        book,
        tenant,
        state_of(known, troubles),
        known,
        None if certified is None else round(clock.minutes_between(certified.completed_at, now), 1),
        plans,
        budgets,
        troubles,
        next_try(attempts),
        is_held or any(one.hold.state == "held" for one in plans),
    )


def clock_words(one: PopulationStanding) -> str:
    """Of a school whose last certified sweep was read by a clock that is not believed; empty of any other."""
    off = one.clock_minutes
    if not off:
        return ""
    side = "ahead of" if off > 0 else "behind"
    return f"the clock of whoever reads it was {abs(off)} minutes {side} Kafka's; set it right"
