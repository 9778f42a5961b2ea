"""What is told of holds, field by field: with ``--json`` as it stands here."""

from shared.contract.model import Frozen


class HeldSet(Frozen, omit_defaults=False, kw_only=True):
    """One held plan as ``holds list`` has it. ``kind``: the plan; ``students``: the ids of those in it, staff's too."""

    school: str
    people: str
    kind: str
    hash: str
    count: int
    budget: str
    headroom: int
    since: str
    students: tuple[str, ...]


class HeldPerson(Frozen, omit_defaults=False, kw_only=True):
    """Somebody in a held plan, and why. ``programmes`` and ``modules`` are those that they would lose."""

    student_id: str
    kind: str
    name: str | None
    email: str | None
    year_group: int | None
    reason: str
    programmes: tuple[str, ...]
    modules: tuple[str, ...]


class HeldSetInFull(Frozen, omit_defaults=False, kw_only=True):
    """One plan as ``holds show`` has it: what a person said of it, and each person with the reason."""

    school: str
    people: str
    kind: str
    hash: str
    count: int
    budget: str
    headroom: int
    since: str
    students: tuple[HeldPerson, ...]
    state: str
    words: str
    causes: tuple[str, ...]
    operator: str
    note: str


class Headroom(Frozen, omit_defaults=False, kw_only=True):
    """How many more a plan's budget would let through at one moment."""

    kind: str
    budget: str
    headroom: int
