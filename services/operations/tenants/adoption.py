"""A tenant's roster before it is adopted, with whom the first snapshot would disable; and the yes to exactly that."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.operations.errors import Code, OperationError
from services.operations.names import wrong
from services.operations.tenants.desk import refusals
from services.operations.tenants.model import AdoptionAnswer, ListRead, RosterFacts
from services.publisher.account_list import AccountList, choose, read_table
from services.publisher.concerns import WITHOUT_ACCOUNTS, WORDS, Concern
from services.publisher.decisions import Desk, NeedsWord
from services.publisher.preview import Shown
from shared.contract.populations import people_word

SHORT = 12  # characters of a hash that are shown, and enough to say it


@dataclass(frozen=True)
class AdoptionWish:
    """
    What is to be looked at. ``accounts``: files of Unitu's accounts, as they came; ``without_areas``: what was never
    read, each as "school/area", and is gone without.
    """

    tenant: str
    accounts: Sequence[bytes] = ()
    without_areas: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    """What is shown before a yes, and how the lists of accounts were read."""

    shown: Shown
    lists: tuple[AccountList, ...] = ()

    @property
    def bound(self) -> str:
        """The hash to which a yes is said."""
        return self.shown.bound

    def lacks(self, words: Collection[str]) -> list[Concern]:
        """What still needs a word of its own."""
        return [one for one in self.shown.concerns if one.word not in words]


def words_of(accept: Collection[str], *, without_accounts: bool = False) -> set[str]:
    """The concerns that somebody accepts. Raises: OperationError (wrong-word)."""
    if unknown := [word for word in accept if word not in WORDS]:
        raise wrong(f"--accept {unknown[0]}: there is no such word", f"there are: {', '.join(WORDS)}")
    return {*accept, *([WITHOUT_ACCOUNTS] if without_accounts else [])}


def preview(desk: Desk, wish: AdoptionWish) -> Preview:
    """Raises: OperationError (not-whole, unreadable-list); Retryable."""
    with refusals():
        tables = [read_table(data) for data in wish.accounts]
        ours = desk.emails(wish.tenant, wish.without_areas) if tables else frozenset()
        lists = tuple(choose(table, ours) for table in tables)
        theirs = [email for one in lists for email in one.emails] if tables else None
        return Preview(desk.show(wish.tenant, theirs, wish.without_areas), lists)


def is_yes_to(shown: Preview, yes: str) -> None:
    """``yes``: the hash, or its beginning. Raises: OperationError (outdated) where it is to something else."""
    if len(yes) < SHORT or not shown.bound.startswith(yes):
        words = f"what is shown now ({shown.bound[:SHORT]}) is not what the yes is to ({yes})"
        raise OperationError(Code.OUTDATED, words, "look again")


def check_words(shown: Preview, words: Collection[str]) -> None:
    """Raises: OperationError (needs-word) while a concern has no word of its own."""
    with refusals():
        if missing := shown.lacks(words):
            raise NeedsWord(missing)


def adopt(desk: Desk, shown: Preview, yes: str, words: Collection[str], operator: str, note: str = "") -> None:
    """
    A person's yes to what was shown, with a word for each of its concerns; the tenant comes due at once. Raises:
    OperationError (outdated, needs-word); Retryable.
    """
    is_yes_to(shown, yes)
    with refusals():
        desk.adopt(shown.shown, operator, words, note)


def answer_of(one: Preview, *, is_adopted: bool) -> AdoptionAnswer:
    shown = one.shown
    return AdoptionAnswer(
        tenant=shown.tenant,
        schools=dict(shown.by_school),
        staff=shown.staff_count,
        roster=RosterFacts(count=len(shown.roster), hash=shown.roster_hash),
        kinds={people_word(kind): counts for kind, counts in shown.by_kind.items()},
        accounts_given=shown.has_accounts,
        lists=tuple(map(_read, one.lists)),
        kept=shown.kept_count,
        provisioned=shown.provisioned_count,
        disabled=shown.disabled,
        undecided=shown.undecided,
        left_out=shown.left_out_count,
        waits=shown.waits,
        is_behind=shown.is_behind,
        same_ids=dict(shown.shared_ids),
        same_codes=shown.shared_codes,
        url=shown.url,
        key=shown.fingerprint,
        concerns=shown.concerns,
        bound=shown.bound,
        is_adopted=is_adopted,
    )


def _read(one: AccountList) -> ListRead:
    return ListRead(
        column=one.column,
        encoding=one.encoding,
        delimiter=one.delimiter,
        row_count=one.row_count,
        without_count=one.without_count,
    )
