"""What waits for a person's yes by its hash, as it is shown to people."""

from typing import TYPE_CHECKING

from services.cli.output import print_line, print_table

if TYPE_CHECKING:
    from services.publisher.releases import Releasable

LISTED = 50  # people that are shown of one release; --json has all


def tell_release(one: "Releasable") -> None:
    """What is let go, or waits for it, with the people whom it concerns."""
    print_line(f"{one.hash}: {one.message}")
    rows = [("is given", email, f"{owner} -> {ref}") for email, owner, ref in one.gives]
    rows += [("is disabled", email, "") for email in one.disabled[:LISTED]]
    rows += [("is new", email, "") for email in one.provisioned[:LISTED]]
    if rows:
        print_table(("", "e-mail", "of"), rows)
    left = len(one.disabled[LISTED:]) + len(one.provisioned[LISTED:])
    if left:
        print_line(f"and {left} more; --json has all")
