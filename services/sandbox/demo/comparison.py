"""The end: Unitu's accounts beside what they ought to be."""

from collections.abc import Mapping

from services.sandbox.demo.oracle import Difference, Oracle
from services.sandbox.demo.screen import Screen, comparison_table
from services.sandbox.demo.world import World

TOLD = 20  # differences, in a message


def compare(world: World, oracles: Mapping[str, Oracle], screen: Screen) -> bool:
    """Show it, and say whether they agree exactly: every account, every field, and who was ever switched off."""
    rows: list[tuple[str, ...]] = []
    differences: list[Difference] = []
    for slug, oracle in oracles.items():
        oracle.see(world.isams[slug].dump())
        accounts = world.unitu[slug].accounts()
        switched_off = {email.casefold() for email in world.unitu[slug].ever_disabled()}
        found = oracle.differences(accounts)
        found += [
            Difference(email, "ever switched off", email in oracle.switched_off, email in switched_off)
            for email in sorted(oracle.switched_off ^ switched_off)
        ]
        enabled = sum(account["enabled"] for account in accounts)
        counts = (enabled, oracle.count(enabled=True), len(accounts) - enabled, oracle.count(enabled=False))
        rows.append((slug, *map(str, (*counts, len(switched_off), len(oracle.switched_off), len(found)))))
        differences += found
    screen.show(comparison_table(rows))
    for one in differences[:TOLD]:
        screen.quote(f"{one.email}: {one.field} ought to be {one.ought!r} and is {one.found!r}")
    if len(differences) > TOLD:
        screen.quote(f"and {len(differences) - TOLD} more")
    return not differences
