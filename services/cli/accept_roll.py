"""``rollcall accept-roll``: a person says that a roll which looks like another school's is right all the same."""

from typing import Annotated

import typer

from services.cli.invocation import AsJson, config_of, login_name
from services.cli.output import print_json, print_line
from shared.contract.populations import kind_of, people_word, words_of


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
    from services.operations import rolls
    from services.operations.names import known_book

    config = config_of(context)
    book = known_book(config, school, "staff" if staff else "student")
    rolls.accept_roll(config, book, roll_hash, login_name(), note)
    if as_json:
        print_json({"school": school, "people": people_word(kind_of(book)), "hash": roll_hash, "is_accepted": True})
    else:
        print_line(f"Said: the next sweep of {words_of(book)} with the roll {roll_hash} is certified.")
