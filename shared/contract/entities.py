"""A faculty, department, programme or module of a tenant, as it stands at Unitu: new, told, confirmed."""

from typing import Annotated, Literal

from shared.contract.model import Frozen, says

EntityList = Literal["faculties", "departments", "programmes", "modules"]


class KnownEntity(Frozen, array_like=True, kw_only=True):
    """What is known of a faculty, department, programme or module at Unitu."""

    state: Annotated[
        Literal["told", "confirmed"],
        says("`told`: the report of an accepted snapshot had it; `confirmed`: somebody said that it exists there."),
    ]
    since: Annotated[str, says("Since when. RFC 3339, UTC.")]
    by: Annotated[str, says("Who confirmed it; empty where nobody did.")] = ""


class NewEntity(Frozen, kw_only=True):
    """Something that the snapshot has and nobody has confirmed to be at Unitu."""

    list: Annotated[EntityList, says("Which of Unitu's lists it belongs into.")]
    code: Annotated[str, says("Its code, as it is sent.")]
    name: Annotated[str, says("Its name, as it is sent.")]
    students: Annotated[int, says("How many students its creation would unblock.")] = 0
    state: Annotated[
        Literal["new", "told"],
        says("`new`: no report of an accepted snapshot has had it before; `told`: one has."),
    ] = "new"
    since: Annotated[str, says("When the first report had it. RFC 3339, UTC; empty of one that is new.")] = ""
