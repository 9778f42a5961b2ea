"""What a school once listed and no longer does."""

import pytest

from shared.contract import retired
from shared.contract.model import Programme, Structure
from shared.contract.retired import retired_from


def of(*codes: str, name: str = "") -> Structure:
    return Structure(programmes=tuple(Programme(code=code, name=name or code, department_code="D") for code in codes))


NONE = Structure()


@pytest.mark.parametrize(
    ("new", "old", "before", "expected"),
    [
        pytest.param(of("A"), of("A", "B"), NONE, of("B"), id="what is no longer listed"),
        pytest.param(of("A"), of("A"), of("B"), of("B"), id="what was retired before stays so"),
        pytest.param(of("A", "B"), of("A"), of("B"), NONE, id="what is listed again is not"),
        pytest.param(
            NONE, of("B", name="new"), of("B", name="old"), of("B", name="new"), id="in its newest definition"
        ),
        pytest.param(NONE, NONE, NONE, NONE, id="nothing"),
    ],
)
def test_what_is_retired(new: Structure, old: Structure, before: Structure, expected: Structure) -> None:
    found = retired_from(new, old, before)
    assert found == expected
    assert retired_from(new, old, found) == found  # told twice


def test_of_too_many_those_stay_that_were_listed_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retired, "MOST", 2)
    assert retired_from(NONE, of("C"), of("A", "B")) == of("A", "C")
    assert retired_from(NONE, of("C", "D"), of("A", "B")) == of("C", "D")
