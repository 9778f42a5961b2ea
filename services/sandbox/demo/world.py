"""Everything that runs for a demonstration: brokers, twins, services. Gone without a trace when it is left."""

import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from services.sandbox.demo.configuration import CLIENT_ID, CLIENT_SECRET, api_key, write_configuration
from services.sandbox.demo.guests import leave_nothing
from services.sandbox.demo.plan import DemoFailed, Plan
from services.sandbox.demo.programs import Programs
from services.sandbox.demo.schools import create_university
from services.sandbox.schools.school import make_school
from services.sandbox.servers.brokers import Addresses, Embedded
from services.sandbox.servers.loopback import Say
from services.sandbox.servers.processes import undisturbed
from services.sandbox.twin_client import IsamsTwin, UnituTwin
from shared.config.load import load
from shared.config.settings import Config
from shared.errors import RollcallError
from shared.kafka.admin import Topics

SERVICES = ("gateway", "eligibility", "reconciler", "publisher", "fetcher")
TWIN, COMMAND = "services.sandbox.servers.serve", "services.cli.main"
TWIN_SECONDS = TOPICS_SECONDS = 60.0
LOOK_SECONDS = 0.02


class World:
    """
    For a ``with`` statement in the main thread. ``config`` is what the services read at ``config_path``.

    Raises: DemoFailed, CannotStart.
    """

    config_path: Path
    config: Config

    def __init__(self, plan: Plan, say: Say) -> None:
        self.plan = plan
        # named before it is made: no moment at which Ctrl-C could leave it behind
        self.folder = Path(tempfile.gettempdir()) / f"rollcall-demo-{secrets.token_hex(6)}"
        self.prefix = f"demo-{secrets.token_hex(4)}-"
        self.programs = Programs(self.folder)
        self.schools = {slug: make_school(slug, size, plan.seed) for slug, size in plan.sizes.items()}
        self.isams: dict[str, IsamsTwin] = {}
        self.unitu: dict[str, UnituTwin] = {}
        self._say = say
        self._embedded = None if plan.brokers else Embedded(say=say)

    @property
    def brokers(self) -> Addresses:
        """Those that run already, or ours."""
        return self._embedded.addresses if self._embedded else self.plan.brokers or Addresses("", "")

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def check(self) -> None:
        """Raises: DemoFailed, CannotStart, when something has ended by itself."""
        self.programs.check()
        if self._embedded:
            self._embedded.kafka.check()
            self._embedded.redis.check()

    def command(self, name: str, *words: str, may_end: bool = False) -> None:
        """Start ``rollcall`` with these words, in a process called ``name``."""
        self.programs.start(name, COMMAND, "--config", str(self.config_path), *words, may_end=may_end)

    def _start(self) -> None:
        self.folder.mkdir(mode=0o700)
        for twin in ("isams", "unitu"):
            self.programs.start(twin, TWIN, twin)
        if self._embedded:
            self._say("starting Apache Kafka, Redis and the twins of iSAMS and Unitu")
            self._embedded.__enter__()
        isams, unitu = self._address("isams"), self._address("unitu")
        self.config_path = write_configuration(self.folder, self.plan, self.brokers, self.prefix, isams, unitu)
        self.config = self._load_apart()
        self._create_topics()
        for service in SERVICES[:-1]:
            self.command(service, "run", service)
        self._fill(isams, unitu)
        self.command(SERVICES[-1], "run", SERVICES[-1])  # it reads at once: the schools must be there

    def _load_apart(self) -> Config:
        """On brokers of somebody else, nothing of theirs may be touched: the environment must not rename our own."""
        config = load(self.config_path)
        if {config.kafka.topic_prefix, config.kafka.group_prefix, config.redis.key_prefix} != {self.prefix}:
            raise DemoFailed(
                "unset ROLLCALL__KAFKA__TOPIC_PREFIX, …__GROUP_PREFIX and ROLLCALL__REDIS__KEY_PREFIX first"
            )
        return config

    def _create_topics(self) -> None:
        """Before any service would: one that is killed while it waits for new topics leaves them behind."""
        try:
            with Topics(self.config, open_seconds=TOPICS_SECONDS) as topics:
                topics.create()
        except RollcallError as failure:
            raise DemoFailed(str(failure)) from failure

    def _fill(self, isams: str, unitu: str) -> None:
        for slug, school in self.schools.items():
            self.isams[slug] = IsamsTwin(isams, slug)
            self.isams[slug].load(school, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
            self.unitu[slug] = UnituTwin(unitu, slug)
            small, middle, *_ = self.plan.schools
            is_special = {"has_old_accounts": slug == small, "lacks_a_module": slug == middle}
            create_university(self.unitu[slug], api_key(slug), school, **is_special)

    def _address(self, twin: str) -> str:
        """Where a twin listens, as it says itself."""
        until = time.monotonic() + TWIN_SECONDS
        while not (said := re.search(r"listening on (\S+)\n", self.programs.said(twin))):
            self.programs.check()
            if time.monotonic() > until:
                raise DemoFailed(f"the twin {twin} did not come up", self.programs.log(twin))
            time.sleep(LOOK_SECONDS)
        return said[1]

    def _end(self) -> None:
        try:
            for client in (*self.isams.values(), *self.unitu.values()):
                client.close()
            self.programs.stop()
            self.programs.kill()  # whoever had only begun would make again what is now taken away
            if self.plan.brokers and hasattr(self, "config"):
                leave_nothing(self.config, self.prefix, self._say)
        finally:
            with undisturbed():
                self.programs.kill()
                try:
                    if self._embedded:
                        self._embedded.__exit__(None, None, None)
                finally:
                    shutil.rmtree(self.folder, ignore_errors=True)
