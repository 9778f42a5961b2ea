"""The end: each report beside Unitu's own, and Unitu's accounts beside what they ought to be."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.sandbox.demo.deliveries import Json, disagreements
from services.sandbox.demo.oracle import Difference, Oracle
from services.sandbox.demo.screen import Screen, comparison_table
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.watch import Watch
from services.sandbox.demo.world import World
from shared.contract.deliveries import Report

TOLD = 20  # differences, in a message
SECONDS = 60.0  # for the last report to be read


def compare_reports(world: World, watch: Watch, patience: Patience, screen: Screen) -> bool:
    """Say whether each delivery did what our report says, by Unitu's own. Raises: DemoFailed."""
    found, count = [], 0
    for slug in world.unitu:
        reports, told = _reports(world, watch, patience, slug)
        count += len(reports)
        found += [f"{slug}: {one}" for one in disagreements(reports, told)]
    screen.say(f"the reports of {count} deliveries beside Unitu's own: {len(found) or 'no'} differences")
    _quote(found, screen)
    return not found


def _reports(world: World, watch: Watch, patience: Patience, slug: str) -> tuple[list[Report], list[Json]]:
    """Ours and Unitu's, of the same deliveries."""
    unitu, progress = world.unitu[slug], watch.schools[slug]

    def are_all_told() -> bool:
        summary = unitu.summary()
        return bool(summary["idle"]) and int(summary["accepted"]) == progress.accepted

    def late() -> tuple[str, Path]:
        return "the publisher", world.programs.log("publisher")

    patience.until(are_all_told, SECONDS, f"{slug}: a report of each delivery", late)
    reports = list(progress.reports)
    return reports, unitu.reports()[: len(reports)]


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
    _quote([f"{one.email}: {one.field} ought to be {one.ought!r} and is {one.found!r}" for one in differences], screen)
    return not differences


def _quote(lines: Sequence[str], screen: Screen) -> None:
    for line in lines[:TOLD]:
        screen.quote(line)
    if len(lines) > TOLD:
        screen.quote(f"and {len(lines) - TOLD} more")
