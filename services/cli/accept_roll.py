"""``rollcall accept-roll``: a person says that a roll which looks like another school's is right all the same."""

import re
from typing import Annotated

import typer

from services.cli.invocation import AsJson, config_of, known_books, login_name
from services.cli.output import print_json
from services.operations.commands import give
from shared.contract.commands import AcceptRoll
from shared.contract.populations import kind_of, people_word, words_of
from shared.errors import ConfigError

HASH = re.compile(r"[0-9a-f]{32}")


def accept_roll(
    context: typer.Context,
    school: Annotated[str, typer.Argument(help="The school's name in the configuration.")],
    roll_hash: Annotated[str, typer.Argument(metavar="HASH", help="The roll's hash, as the refusal tells it.")],
    staff: Annotated[bool, typer.Option("--staff", help="It is the roll of the school's staff.")] = False,
    note: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    as_json: AsJson = False,
) -> None:
    """
    Accept a roll that shares too few people with the last one: after a migration of the record system.

    The next sweep with exactly that roll is certified. Exit codes: 0 said, 2 no such school, or no hash.
    """
    config = config_of(context)
    if school not in config.schools:
        raise ConfigError(f"schools.{school}: no such school; there are {', '.join(sorted(config.schools)) or 'none'}")
    if not HASH.fullmatch(roll_hash):
        raise ConfigError("HASH: must be the 32 digits that the refusal tells, as in the fetcher's log")
    (book,) = known_books(config, school, staff)
    order = AcceptRoll(school=school, kind=kind_of(book), hash=roll_hash, operator=login_name(), note=note)
    give(config, order)
    if as_json:
        print_json({"school": school, "people": people_word(kind_of(book)), "hash": roll_hash, "is_accepted": True})
    else:
        typer.echo(f"Said: the next sweep of {words_of(book)} with the roll {roll_hash} is certified.")
