"""What about a roster needs a word of its own before a yes counts. Pure; each names its word and what is the matter."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from shared.contract.populations import people_word
from shared.contract.tenant_state import Seat, TenantState

WITHOUT_ACCOUNTS = "without-accounts"
LIST_MEETS_FEW = "list-meets-few"
EMPTY_ROSTER = "empty-roster"
ROSTER_BEHIND = "roster-behind"
MOST_WOULD_GO = "most-would-go"
UNDECIDED_MAY_GO = "undecided-may-go"
SAME_IDS = "same-ids"
SAME_CODES = "same-codes"
WORDS = (
    WITHOUT_ACCOUNTS,
    LIST_MEETS_FEW,
    EMPTY_ROSTER,
    ROSTER_BEHIND,
    MOST_WOULD_GO,
    UNDECIDED_MAY_GO,
    SAME_IDS,
    SAME_CODES,
)


@dataclass(frozen=True)
class Concern:
    """``word`` is what a person says to have it all the same; ``message`` names nobody."""

    word: str
    message: str

    @property
    def option(self) -> str:
        """How it is said on the command line."""
        return f"--{self.word}" if self.word == WITHOUT_ACCOUNTS else f"--accept {self.word}"


def of_the_list(accounts: Collection[str] | None, roster: Mapping[str, Seat], *, is_known: bool) -> Iterator[Concern]:
    """``accounts``: the list's, as compared, None without one; ``is_known``: one is not needed to know them."""
    if accounts is None:
        if not is_known:
            yield Concern(
                WITHOUT_ACCOUNTS,
                "no list of Unitu's accounts was given (--accounts FILE.csv): Unitu disables every account that it has"
                " and this roster lacks, and nobody can show here whose they are",
            )
        return
    if not accounts:
        yield Concern(LIST_MEETS_FEW, "the list of accounts has no e-mail address")
        return
    of_kind = Counter(seat.kind for seat in roster.values())
    met = Counter(seat.kind for email, seat in roster.items() if email in accounts)
    few = [f"{met[kind]} of {of_kind[kind]} {people_word(kind)}" for kind in of_kind if 2 * met[kind] < of_kind[kind]]
    if few:
        yield Concern(
            LIST_MEETS_FEW,
            f"the list of accounts has only {' and '.join(few)} of the roster: it may be another list, or a part of it",
        )


def of_the_roster(roster: Mapping[str, Seat], *, is_behind: bool) -> Iterator[Concern]:
    if not any(seat.book for seat in roster.values()):
        yield Concern(EMPTY_ROSTER, "nobody of any school is in the roster: Unitu would disable everybody")
    if is_behind:
        yield Concern(
            ROSTER_BEHIND,
            "the roster is older than the last snapshot: whoever joined since is not in it; look again after `rollcall"
            " sync SCHOOL --full`",
        )


def of_who_would_go(
    disabled: Collection[str], may_be: Collection[str], last: Mapping[str, Seat], roster: Mapping[str, Seat]
) -> Iterator[Concern]:
    """``last``: the last snapshot's roster, whose kinds are known one by one."""
    had = Counter(seat.kind for seat in last.values())
    gone = Counter(seat.kind for email, seat in last.items() if email not in roster)
    most = [f"{gone[kind]} of {had[kind]} {people_word(kind)}" for kind in had if 2 * gone[kind] > had[kind]]
    if 2 * len(disabled) > len(may_be):
        most.insert(0, f"{len(disabled)} of {len(may_be)} accounts")
    if most:
        yield Concern(MOST_WOULD_GO, f"{', '.join(most)} would be disabled: more than half")


def of_two_things(ids: Mapping[str, tuple[str, ...]], codes: Collection[str], state: TenantState) -> Iterator[Concern]:
    """What an earlier adoption has said yes to is not asked again."""
    adoption = state.adoption
    new = {pair: known for pair, known in ids.items() if adoption is None or pair not in adoption.shared_ids}
    if new:
        told = "; ".join(f"{pair}: {', '.join(known[:5])}{' …' if known[5:] else ''}" for pair, known in new.items())
        yield Concern(
            SAME_IDS,
            f"ids that are of two people ({told}): a Unitu that matches by id takes them for one; id_prefix and"
            " staff_id_prefix of a school tell them apart",
        )
    unseen = [code for code in codes if adoption is None or code not in adoption.shared_codes]
    if unseen:
        yield Concern(
            SAME_CODES,
            f"codes that two schools define differently ({', '.join(unseen[:10])}{' …' if unseen[10:] else ''}): the"
            " first school's counts for both; code_prefix of a school tells them apart",
        )
