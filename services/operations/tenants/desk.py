"""The publisher's desk, where a person decides about tenants; what it refuses, an operation refuses."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from services.operations.errors import Code, OperationError
from services.publisher.decisions import Desk, NeedsWord, NotWhole, Outdated
from shared.config.settings import Config


def desk_of(config: Config) -> AbstractContextManager[Desk]:
    """Opened for one question or order, or kept for many."""
    from services.publisher import app  # imports the service, which takes longer than most questions

    return app.DeskParts(config)


@contextmanager
def refusals() -> Iterator[None]:
    """Raises: OperationError (not-whole, outdated, needs-word) for what the desk refuses."""
    try:
        yield
    except NotWhole as error:
        raise OperationError(Code.NOT_WHOLE, str(error)) from error
    except Outdated as error:
        raise OperationError(Code.OUTDATED, str(error)) from error
    except NeedsWord as error:
        raise OperationError(Code.NEEDS_WORD, str(error)) from error
