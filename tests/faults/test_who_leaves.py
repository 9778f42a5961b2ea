"""Who goes and who stays, told by their records: story 6, through whole processes."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.sandbox.schools.school import make_joiner
from tests.conftest import ConfigFile
from tests.e2e.harness import Town, a_town

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.e2e]


# whom nobody explains is held, so that only what a record says can take somebody away
RECORDS_ONLY = "[schools.abbey.guard]\ndisable_unexplained = { floor = 0, share = 0.0 }\n"


@pytest.fixture
def town(config_file: ConfigFile, tmp_path: Path) -> Iterator[Town]:
    with a_town(config_file, tmp_path, size=24, school=RECORDS_ONLY) as town:
        yield town


def test_a_blanked_email_is_no_reason_to_go_nor_to_stay(town: Town) -> None:
    """
    A leaver whose e-mail was blanked goes; a current pupil whose e-mail was blanked stays; so does one who is among the
    former pupils as well; and somebody who may come next year never reaches Unitu.

    Fails when ``_account_verdict`` (``services/eligibility/assess.py``) does not say of everybody who left that they
    are ineligible: the leaver stays. Or when ``reconcile`` stages a removal for whoever is not eligible: the others go.
    """
    town.open()
    leaver, blanked, readmitted, changed, *_ = town.isams.dump()["students"]
    prospective = msgspec.to_builtins(make_joiner(town.slug, 1)) | {"systemStatus": "Applicant"}
    town.programs.stop("others")  # all of it between two sweeps
    town.isams.leave(leaver["schoolId"], schoolEmailAddress=None)
    town.isams.change(blanked["schoolId"], schoolEmailAddress=None, surname="Unseen")
    town.isams.leave(readmitted["schoolId"])
    town.isams.come_back(readmitted["schoolId"], keep_alumnus=True)
    town.isams.add(prospective)
    town.isams.change(changed["schoolId"], surname="Changed")
    town.programs.go_on("others")
    town.until_unitu_agrees()
    town.until_sweeps(3)
    town.until_unitu_agrees()
    assert town.ever_disabled() == {leaver["schoolEmailAddress"]}
    assert (town.unitu.account(blanked["schoolEmailAddress"]) or {})["last_name"] == blanked["surname"]
    assert readmitted["schoolEmailAddress"] in town.unitu.enabled()
    assert town.unitu.account(prospective["schoolEmailAddress"]) is None
