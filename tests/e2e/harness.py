"""A school, a university and every service as a process of its own, on the run's Kafka and Redis."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from services.sandbox.demo.adoption import yes_to
from services.sandbox.demo.oracle import Oracle
from services.sandbox.demo.schools import entities_of
from services.sandbox.isams.twin import isams_app
from services.sandbox.schools.school import make_school
from services.sandbox.servers.serve import serving
from services.sandbox.twin_client import IsamsTwin, UnituTwin
from services.sandbox.unitu.twin import unitu_app
from shared import clock
from shared.config.load import load
from shared.config.settings import Config
from shared.contract.codec import Record, decode
from shared.contract.events import SweepCompleted, SweepReconciled
from shared.contract.model import Frozen
from shared.contract.topics import STUDENTS_ASSESSED
from shared.kafka.client import Reader
from tests.faults.processes import WAIT_SECONDS, Processes
from tests.harness.pipeline import OPERATORS_KEY

SCHOOL = "abbey"
KEY = "made-up-secret"
OTHERS = ("eligibility", "publisher", "fetcher")

TABLES = """
[logging]
level = "debug"
[tenants.{slug}]
url = "{unitu}/v1/sync"
api_key = {{ file = "secret" }}
mode = "live"
staff = "{staff}"
quiet_seconds = 0.2
max_delay_seconds = 1
min_interval_seconds = 0
{tenant}
[schools.{slug}]
tenant = "{slug}"
source = "isams"
base_url = "{isams}/{slug}"
client_id = "town"
client_secret = {{ file = "secret" }}
poll_seconds = 1
{paces}
max_requests_per_hour = 1000000
absence_confirm_minutes = 0
{school}
"""

EVERY_TIME = "page_size = 20\nstructure_hours = 0\nlists_hours = 0"


class Town:
    """One school of 45 pupils and its tenant. ``start`` and ``kill`` take services by name."""

    def __init__(self, folder: Path, config_path: Path, isams: IsamsTwin, unitu: UnituTwin) -> None:
        self.config_path = config_path
        self.config: Config = load(config_path, {})
        self.programs = Processes(folder, config_path, self.config.kafka.group_prefix)
        self.isams = isams
        self.unitu = unitu
        self.slug = isams.dump()["slug"]
        entities = unitu.entities()
        self.oracle = Oracle(unitu.accounts(), entities["programmes"], entities["modules"])
        self.oracle.see(isams.dump())

    # --- services ------------------------------------------------------------------------------------------------

    def start(self, *names: str, process: str = "") -> None:
        self.programs.start(process or names[0], *names)

    def kill(self, name: str) -> None:
        self.programs.kill(name)

    def rollcall(self, *words: str) -> subprocess.CompletedProcess[str]:
        return rollcall(self.config_path, *words)

    def open(self) -> None:
        """Everything runs, the roster is adopted, and Unitu has it."""
        self.start("reconciler")
        self.start(*OTHERS, process="others")
        self.adopt()
        self.until_unitu_agrees()

    def adopt(self) -> None:
        done = self.until(lambda: adopted(self.config_path, self.slug), "an adoption")
        assert done, done

    # --- waiting -------------------------------------------------------------------------------------------------

    def until(self, found: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
        return self.programs.until(found, what, seconds)

    def until_unitu_agrees(self, seconds: float = WAIT_SECONDS) -> None:
        """Every account and field at Unitu is what the school as it now stands asks for."""
        self.oracle.see(self.isams.dump())
        self.until(lambda: not self.differences(), "agreement at Unitu", seconds)

    def differences(self) -> list[Any]:
        self.unitu.wait_idle()
        return list(self.oracle.differences(self.unitu.accounts()))

    def until_enabled(self, *emails: str) -> None:
        """Exactly these are enabled at Unitu, students and staff."""

        def are_there() -> bool:
            self.unitu.wait_idle()
            return self.unitu.enabled() == set(emails)

        self.until(are_there, f"{len(emails)} enabled accounts at Unitu")

    def until_sweeps(self, count: int, outcome: str = "certified") -> None:
        """So many sweeps that began after this moment have been decided with this outcome."""
        self._until_new(count, lambda: self.sweeps(outcome), f"{count} {outcome} sweeps")

    def until_sweeps_read(self, count: int) -> None:
        """So many sweeps that began after this moment have been read to their end, whoever has heard of them."""
        self._until_new(count, self.closes, f"{count} sweeps read")

    def _until_new(
        self, count: int, found: Callable[[], Sequence[SweepReconciled | SweepCompleted]], what: str
    ) -> None:
        """By when they began: the end of an older one, which has not seen what is there now, may be told later."""
        now = clock.now()
        self.until(lambda: len({one.sweep for one in found() if is_after(one.sweep, now)}) >= count, what)

    # --- looking -------------------------------------------------------------------------------------------------

    def records(self, topic: str) -> list[Record]:
        with Reader(self.config) as reader:
            return [one for lane in range(self.config.kafka.partitions) for one in reader.read(topic, lane)]

    def events(self, topic: str) -> list[Frozen]:
        return [decode(one.header("ce_type"), one.value) for one in self.records(topic)]

    def sweeps(self, outcome: str) -> list[SweepReconciled]:
        told = [one for one in self.events("account-changes") if isinstance(one, SweepReconciled)]
        return [one for one in told if one.outcome == outcome]

    def closes(self) -> list[SweepCompleted]:
        """As the reconciler finds them, in order."""
        return [one for one in self.events(STUDENTS_ASSESSED) if isinstance(one, SweepCompleted)]

    def ever_disabled(self) -> set[str]:
        return self.unitu.ever_disabled()


def check_logs(town: Town) -> None:
    """Of a whole run at level debug, whatever befell it: no secret and nobody's name or address is in any line."""
    people = [one for name in ("students", "employees") for one in town.isams.dump().get(name, ())]
    private = {KEY, OPERATORS_KEY, "Bearer"} | {str(word) for one in people for word in _private_of(one) if word}
    for log in town.programs.folder.glob("*.log"):
        text = log.read_text(errors="replace").casefold()
        told = sorted(word for word in private if word.casefold() in text)
        assert not told, f"{log.stem} has logged {told}"


def _private_of(person: Mapping[str, Any]) -> list[str]:
    name = f"{person.get('forename')} {person.get('surname')}"
    return [name, *(str(value) for field, value in person.items() if "email" in field.casefold() and value)]


def rollcall(config_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, with these words."""
    return subprocess.run(
        [sys.executable, "-m", "services.cli.main", "--config", str(config_path), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


def adopted(config_path: Path, tenant: str) -> bool:
    """Say yes to the roster as it is shown; False: there is no whole one yet, or it has changed between."""
    shown = rollcall(config_path, "tenant", "adopt", tenant, "--json")
    if shown.returncode == 3:
        return False
    assert shown.returncode == 1, shown.stderr + shown.stdout
    done = rollcall(config_path, "tenant", "adopt", tenant, *yes_to(shown.stdout).split())
    assert done.returncode in (0, 1), done.stderr + done.stdout  # 1: a sweep has come between
    return done.returncode == 0


def is_after(sweep: str, moment: str) -> bool:
    """Whether a sweep began after that moment: its id says when. Of the same millisecond it is not known, so: no."""
    return sweep.rpartition("-")[0] > moment.replace("-", "").replace(":", "")


@contextmanager
def a_town(
    write_config: Callable[..., Path],
    folder: Path,
    *,
    size: int = 45,
    tenant: str = "",
    school: str = "",
    paces: str = EVERY_TIME,
    staff: str = "not-in-unitu",
    unitu_accounts: tuple[Mapping[str, Any], ...] = (),
    through: Callable[[str], str] = str,
) -> Iterator[Town]:
    """``through``: the address at which the services find the twin that is at this one, if something is in between."""
    made = make_school(SCHOOL, size, 7)
    with ExitStack() as stack:
        isams_server = stack.enter_context(serving(isams_app()))
        unitu_server = stack.enter_context(serving(unitu_app()))
        isams = stack.enter_context(IsamsTwin(isams_server.url, SCHOOL))
        unitu = stack.enter_context(UnituTwin(unitu_server.url, SCHOOL))
        isams.load(made, client_id="town", client_secret=KEY)
        unitu.create(api_key=KEY, accounts=list(unitu_accounts), entities=entities_of(made))
        path = write_config(
            TABLES.format(
                slug=SCHOOL,
                isams=through(isams_server.url),
                unitu=through(unitu_server.url),
                tenant=tenant,
                staff=staff,
                paces=paces,
                school=school,
            )
        )
        logs = folder / "logs"
        logs.mkdir()
        town = Town(logs, path, isams, unitu)
        stack.callback(town.programs.kill_all)
        yield town
        check_logs(town)
