"""Which services one process runs, and what is read for it."""

import subprocess
import sys

import pytest

from services.cli.run import SERVICES, Name, chosen, service_of
from shared.config.settings import Config
from tests.unit.cli.words import rollcall


@pytest.mark.parametrize(
    ("names", "services"),
    [
        ([Name.ALL], list(SERVICES)),
        ([Name.PUBLISHER, Name.FETCHER], ["fetcher", "publisher"]),
        ([Name.FETCHER, Name.ALL, Name.FETCHER], list(SERVICES)),
    ],
)
def test_each_service_runs_once_in_the_order_of_the_records(names: list[Name], services: list[str]) -> None:
    assert chosen(names) == services


def test_every_service_can_be_named() -> None:
    assert {name.value for name in Name} == {*SERVICES, "all"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_bears_the_name_that_it_is_run_by(name: str) -> None:
    assert service_of(name, Config()).name == name


def test_only_the_services_that_were_asked_for_are_read() -> None:
    program = "import sys; from services.cli.run import service_of; from shared.config.settings import Config\n"
    program += "service_of('reconciler', Config())\n"
    program += "print([n for n in ('fetcher', 'gateway', 'publisher') if f'services.{n}.app' in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_service_that_is_none_is_a_wrong_word() -> None:
    said = rollcall(None, "run", "portal")
    assert said.code == 2
    assert "portal" in said.err
