"""The course of a demonstration, from the first process to the comparison at its end."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.sandbox.demo.comparison import compare, compare_reports
from services.sandbox.demo.opening import open_all, oracle_of
from services.sandbox.demo.plan import DemoFailed, Plan
from services.sandbox.demo.screen import Screen
from services.sandbox.demo.story import Story
from services.sandbox.demo.waiting import Patience
from services.sandbox.demo.watch import Watch
from services.sandbox.demo.world import SERVICES, World
from services.sandbox.servers.loopback import CannotStart
from shared.kafka.client import client_settings

KEEP_LOOK_SECONDS = 0.5
INTERRUPTED = 130  # exit code after Ctrl-C

Tamper = Callable[[World], None]


def run(plan: Plan, screen: Screen, tamper: Tamper | None = None) -> int:
    """
    The exit code: 0 only if Unitu's accounts are exactly what they ought to be. ``tamper`` acts before the comparison.

    For the main thread. However it ends, no process and no folder is left.
    """
    with _any_end_is_ctrl_c():
        try:
            return _run(plan, screen, tamper)
        except KeyboardInterrupt:
            screen.say("stopped; nothing is left")
            return INTERRUPTED
        except CannotStart as failure:
            screen.say(f"failed: {failure}")
        except DemoFailed as failure:
            screen.say(f"failed: {failure}")
            if failure.log_lines:
                screen.say(f"the end of the log of {failure.log_name}:")
                screen.quote("\n".join(failure.log_lines))
        return 1


def _run(plan: Plan, screen: Screen, tamper: Tamper | None) -> int:
    with World(plan, screen.say) as world:
        _tell_what_runs(world, screen)
        oracles = {slug: oracle_of(world, slug) for slug in plan.sizes}
        with Watch(client_settings(world.config), world.prefix, plan.sizes) as watch:
            open_all(world, watch, oracles, screen)
            patience = Patience(world.check, watch.check)
            for happen in Story(world, watch, oracles, patience).telling():
                told = happen()
                screen.say(f"{told.school}: {told.done}", f"→ at Unitu after {told.seconds:.1f} s: {told.came}")
            are_told_alike = compare_reports(world, watch, patience, screen)
        if tamper is not None:
            tamper(world)
        is_exact = compare(world, oracles, screen) and are_told_alike
        screen.say("they agree exactly" if is_exact else "they do not agree")
        if plan.keep:
            _keep(world, screen)
    screen.say("ended; nothing is left")
    return 0 if is_exact else 1


def _tell_what_runs(world: World, screen: Screen) -> None:
    screen.say(
        f"Kafka at {world.brokers.kafka}, Redis at {world.brokers.redis}; all that is ours begins with {world.prefix}"
    )
    schools = ", ".join(f"{slug} ({size} students)" for slug, size in world.plan.sizes.items())
    screen.say(f"the twin of iSAMS has {schools}; the twin of Unitu has their structure")
    screen.say(f"started, each in a process of its own: {', '.join(SERVICES)}")


def _keep(world: World, screen: Screen) -> None:
    """Tell where everything is, and wait for Ctrl-C. Raises: DemoFailed, CannotStart."""
    try:
        screen.say("it goes on running; Ctrl-C ends it and leaves nothing")
        screen.quote(_addresses(world))
        while True:
            world.check()
            time.sleep(KEEP_LOOK_SECONDS)
    except KeyboardInterrupt:
        return


def _addresses(world: World) -> str:
    config, any_school = world.config, world.plan.schools[0]
    isams, unitu = world.isams[any_school], world.unitu[any_school]
    lines = {
        "Kafka": f"{world.brokers.kafka} (topics and groups begin with {world.prefix})",
        "Redis": f"{world.brokers.redis} (keys begin with {world.prefix})",
        "iSAMS": f"{isams.base_url} (and so on; to change it: {isams.url}/_twin/schools/{any_school})",
        "Unitu": f"{unitu.sync_url} (to look: {unitu.url}/_twin/universities/{any_school}/accounts)",
        "gateway": f"http://{config.gateway.listen}",
        "logs": f"{world.folder}/*.log",
        "to go on": f"rollcall --config {world.config_path} tenant show {any_school}",
    }
    return "\n".join(f"{name:9}{address}" for name, address in lines.items())


@contextmanager
def _any_end_is_ctrl_c() -> Iterator[None]:
    """SIGTERM and the end of the terminal come as KeyboardInterrupt too, and Ctrl-C does even where it was ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
