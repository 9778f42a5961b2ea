"""What an operator orders: the models of ``operator-commands``."""

from shared.contract.model import Frozen, Kind


class ReleaseHold(Frozen, kw_only=True):
    """
    Let the reviewed set of removals through at the next certified sweep: those who still stand, and no others.

    ``two_people_above`` is what eligibility says of it, by the configuration, whatever the sender said: a set of more
    people is released by the second operator.
    """

    school: str
    kind: Kind = "student"
    plan: str
    hash: str
    operator: str
    note: str = ""
    two_people_above: int | None = None


class RefuseHold(Frozen, kw_only=True):
    """Drop a held plan until it differs."""

    school: str
    kind: Kind = "student"
    plan: str
    hash: str
    operator: str
    note: str = ""


class PauseSchool(Frozen, kw_only=True):
    """
    Remove nobody of a school, which is read all the same. No verb of ``rollcall`` gives this order; the reconciler
    obeys it.
    """

    school: str
    operator: str
    note: str = ""


class ResumeSchool(Frozen, kw_only=True):
    """The end of a pause. No verb of ``rollcall`` gives this order; the reconciler obeys it."""

    school: str
    operator: str
    note: str = ""


class AcceptRoll(Frozen, kw_only=True):
    """A person says that a roll which looks like another school's is right all the same."""

    school: str
    kind: Kind = "student"
    hash: str
    operator: str
    note: str = ""


class ForgetStudent(Frozen, kw_only=True):
    """A name that is kept for later: no verb of ``rollcall`` gives this order, and nothing obeys it."""

    school: str
    student_id: str
    operator: str
    note: str = ""


Command = ReleaseHold | RefuseHold | PauseSchool | ResumeSchool | AcceptRoll | ForgetStudent
