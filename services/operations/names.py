"""The schools, tenants and populations that the configuration names; a name that it has not is refused."""

from collections.abc import Iterable

from services.operations.errors import Code, OperationError
from shared.config.settings import Config
from shared.contract.model import Kind
from shared.contract.populations import book_of


def wrong(message: str, fix: str = "") -> OperationError:
    """A name or an argument that cannot be meant."""
    return OperationError(Code.WRONG_WORD, message, fix)


def known_school(config: Config, slug: str) -> str:
    """Raises: OperationError (wrong-word)."""
    if slug not in config.schools:
        raise wrong(f"no school {slug!r} in the configuration", f"there: {_names(config.schools)}")
    return slug


def known_schools(config: Config, slug: str | None) -> list[str]:
    """The one that is named, else all. Raises: OperationError (wrong-word)."""
    return sorted(config.schools) if slug is None else [known_school(config, slug)]


def known_tenant(config: Config, slug: str) -> str:
    """Raises: OperationError (wrong-word)."""
    if slug not in config.tenants:
        raise wrong(f"no tenant {slug!r} in the configuration", f"there: {_names(config.tenants)}")
    return slug


def known_books(config: Config, slug: str, kind: Kind | None = None) -> list[str]:
    """
    The school's populations: of its students, and of its staff where they are managed. ``kind``: only that one. Raises:
    OperationError (wrong-word), also for staff that nobody manages.
    """
    books = config.books_of(known_school(config, slug))
    if kind is None:
        return books
    if kind == "staff" and len(books) == 1:
        tenant = config.schools[slug].tenant
        raise wrong(f'the staff of {slug} are not managed; tenant {tenant} has no staff = "managed"')
    return [book_of(slug, kind)]


def known_book(config: Config, slug: str, kind: Kind) -> str:
    """Raises: OperationError (wrong-word)."""
    return known_books(config, slug, kind)[0]


def _names(there: Iterable[str]) -> str:
    return ", ".join(sorted(there)) or "none"
