"""A faculty, department, programme or module of a tenant, as it stands at Unitu: new, told, confirmed."""

from typing import Literal

from shared.contract.model import Frozen

EntityList = Literal["faculties", "departments", "programmes", "modules"]


class KnownEntity(Frozen, array_like=True, kw_only=True):
    """
    What is known of a faculty, department, programme or module at Unitu. ``told``: the report of an accepted snapshot
    had it, so somebody can have read of it. ``confirmed``: it exists there, says ``by``. Since ``since``.
    """

    state: Literal["told", "confirmed"]
    since: str
    by: str = ""


class NewEntity(Frozen, kw_only=True):
    """
    Something that the snapshot has and nobody has confirmed to be at Unitu. ``new``: no report of an accepted snapshot
    has had it before; ``told``: one has, since ``since``. ``students``: how many its creation would unblock.
    """

    list: EntityList
    code: str
    name: str
    students: int = 0
    state: Literal["new", "told"] = "new"
    since: str = ""
