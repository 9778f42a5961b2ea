"""The publisher's desk, where a person decides about tenants; what it refuses, an operation refuses."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from services.operations.errors import Code, OperationError
from services.publisher.account_list import UnreadableList
from services.publisher.decisions import Desk, NeedsWord, NotWhole, Outdated
from services.publisher.structure_ledger import TooManyEntities
from shared.config.settings import Config
from shared.errors import RollcallError

CODES: dict[type[RollcallError], Code] = {
    NotWhole: Code.NOT_WHOLE,
    Outdated: Code.OUTDATED,
    NeedsWord: Code.NEEDS_WORD,
    UnreadableList: Code.UNREADABLE_LIST,
    TooManyEntities: Code.TOO_MANY_ENTITIES,
}


def desk_of(config: Config) -> AbstractContextManager[Desk]:
    """Opened for one question or order, or kept for many."""
    from services.publisher import app  # imports the service, which takes longer than most questions

    return app.DeskParts(config)


@contextmanager
def refusals() -> Iterator[None]:
    """Raises: OperationError for what the desk, or a file that somebody brought, refuses."""
    try:
        yield
    except tuple(CODES) as error:
        raise OperationError(CODES[type(error)], str(error)) from error
