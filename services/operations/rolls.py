"""A person's word that a roll which looks like another school's is right all the same."""

import re

from services.operations import commands
from services.operations.commands import OrderReceipt
from services.operations.names import wrong
from shared.config.settings import Config
from shared.contract.commands import AcceptRoll
from shared.contract.populations import kind_of, school_of

HASH = re.compile(r"[0-9a-f]{32}")


def accept_roll(config: Config, book: str, roll_hash: str, operator: str, note: str = "") -> OrderReceipt:
    """
    The next sweep of this population with exactly that roll is certified. Raises: OperationError (wrong-word) for what
    is no hash; ConfigError without a key; Retryable.
    """
    if not HASH.fullmatch(roll_hash):
        raise wrong("HASH: must be the 32 digits that the refusal tells, as in the fetcher's log")
    order = AcceptRoll(school=school_of(book), kind=kind_of(book), hash=roll_hash, operator=operator, note=note)
    return commands.give(config, order)
