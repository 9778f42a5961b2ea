"""What an order that was given in a test leaves behind."""

from services.operations.commands import Command, OrderReceipt
from shared.contract.topics import OPERATOR_COMMANDS
from tests.harness.builders import at


def a_receipt(command: Command) -> OrderReceipt:
    return OrderReceipt(
        topic=OPERATOR_COMMANDS,
        key=command.school,
        id="1",
        at=at(),
        order=type(command).__name__,
        operator=command.operator,
        note=command.note,
    )
