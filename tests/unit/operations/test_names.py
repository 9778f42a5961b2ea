"""A name that the configuration does not have is refused with those that it has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.operations.errors import Code, OperationError
from services.operations.names import known_books, known_school, known_schools, known_tenant
from shared.config.settings import Config
from tests.harness.builders import SCHOOL
from tests.harness.pipeline import a_config


def test_what_is_configured_is_known(tmp_path: Path) -> None:
    config = a_config(tmp_path, schools=(SCHOOL, "priory"))
    assert known_school(config, SCHOOL) == SCHOOL
    assert (known_schools(config, None), known_schools(config, "priory")) == ([SCHOOL, "priory"], ["priory"])
    assert known_tenant(config, "abbey") == "abbey"
    assert known_books(config, SCHOOL) == known_books(config, SCHOOL, "student") == [SCHOOL]


def test_what_is_not_is_refused_with_what_there_is(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    asks: list[Callable[[Config, str], object]] = [known_school, known_schools, known_books]
    for ask in asks:
        with pytest.raises(OperationError, match="no school 'x' in the configuration; there: abbey") as told:
            ask(config, "x")
        assert (told.value.code, told.value.fix) == (Code.WRONG_WORD, "there: abbey")
    with pytest.raises(OperationError, match="no tenant 'x' in the configuration; there: abbey"):
        known_tenant(config, "x")


def test_staff_that_nobody_manages_are_no_population(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match='tenant abbey has no staff = "managed"') as told:
        known_books(a_config(tmp_path), SCHOOL, "staff")
    assert told.value.code is Code.WRONG_WORD
