"""
The own side of the twin of iSAMS, below ``/_twin/``: what a test or a person needs to change a school, to make it
misbehave and to see what was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.isams.state import PEOPLE, SchoolState, Settings, Unknown
from services.sandbox.twin_http import body_as, done, merged


def control_routes(schools: dict[str, SchoolState]) -> list[Route]:
    """The calls by which ``schools``, by slug, are put there, changed and looked at."""
    control = _Control(schools)
    return [
        Route("/_twin/schools", control.list_schools),
        Route("/_twin/schools/{slug}", control.put_school, methods=["PUT"]),
        Route("/_twin/schools/{slug}", control.replace_lists, methods=["PATCH"]),
        Route("/_twin/schools/{slug}", control.dump_school, methods=["GET"]),
        Route("/_twin/schools/{slug}", control.forget_school, methods=["DELETE"]),
        Route("/_twin/schools/{slug}/settings", control.settings, methods=["GET", "PATCH"]),
        Route("/_twin/schools/{slug}/faults", control.faults, methods=["GET", "PUT", "DELETE"]),
        Route("/_twin/schools/{slug}/requests", control.requests, methods=["GET", "DELETE"]),
        Route("/_twin/schools/{slug}/tokens", control.revoke_tokens, methods=["DELETE"]),
        Route("/_twin/schools/{slug}/leave", control.leave_many, methods=["POST"]),
        Route("/_twin/schools/{slug}/sets/{setId}/students", control.set_list, methods=["GET", "PUT"]),
        Route("/_twin/schools/{slug}/{list}", control.add, methods=["POST"]),
        Route("/_twin/schools/{slug}/{list}", control.change_many, methods=["PATCH"]),
        Route("/_twin/schools/{slug}/{list}/{schoolId}", control.read_one, methods=["GET"]),
        Route("/_twin/schools/{slug}/{list}/{schoolId}", control.change_one, methods=["PATCH"]),
        Route("/_twin/schools/{slug}/{list}/{schoolId}", control.remove_one, methods=["DELETE"]),
        Route("/_twin/schools/{slug}/applicants/{schoolId}/enrol", control.enrol, methods=["POST"]),
        Route("/_twin/schools/{slug}/students/{schoolId}/leave", control.leave, methods=["POST"]),
        Route("/_twin/schools/{slug}/students/{schoolId}/return", control.come_back, methods=["POST"]),
    ]


def school_of(schools: Mapping[str, SchoolState], request: Request) -> SchoolState:
    """The school that a path names. Raises: Unknown."""
    slug = request.path_params["slug"]
    if slug not in schools:
        raise Unknown(f"There is no school {slug}.")
    return schools[slug]


class _Load(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    school: dict[str, Any]
    settings: Settings = msgspec.field(default_factory=Settings)


class _Leave(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    ids: list[str] = msgspec.field(default_factory=list)
    leaving_date: str | None = None
    changes: dict[str, Any] = msgspec.field(default_factory=dict)


class _Return(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    keep_alumnus: bool = False
    changes: dict[str, Any] = msgspec.field(default_factory=dict)


class _Control:
    def __init__(self, schools: dict[str, SchoolState]) -> None:
        self._schools = schools

    def school(self, request: Request) -> SchoolState:
        return school_of(self._schools, request)

    async def list_schools(self, request: Request) -> Response:
        return done(
            {slug: {name: len(school.people[name]) for name in PEOPLE} for slug, school in self._schools.items()}
        )

    async def put_school(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        if slug.startswith("_"):
            raise msgspec.ValidationError("A slug does not start with an underscore.")
        load = await body_as(request, _Load)
        self._schools[slug] = SchoolState(load.school, load.settings)
        return done(status=201)

    async def replace_lists(self, request: Request) -> Response:
        self.school(request).load(await body_as(request, dict[str, Any]))
        return done()

    async def dump_school(self, request: Request) -> Response:
        return done(self.school(request).dump())

    async def forget_school(self, request: Request) -> Response:
        self.school(request).faults.clear()
        del self._schools[request.path_params["slug"]]
        return done()

    async def settings(self, request: Request) -> Response:
        school = self.school(request)
        if request.method == "PATCH":
            school.settings = merged(school.settings, await body_as(request, dict[str, Any]))
        return done(school.settings)

    async def faults(self, request: Request) -> Response:
        faults = self.school(request).faults
        if request.method == "PUT":
            faults.load(await request.body())
        if request.method == "DELETE":
            faults.clear()
        return done(faults.set)

    async def requests(self, request: Request) -> Response:
        """What was asked, and how many at once at most. ``since``: numbers above it; DELETE starts anew."""
        school = self.school(request)
        if request.method == "DELETE":
            school.requests.clear()
            school.in_flight_peak = school.in_flight
        since = int(request.query_params.get("since", "0"))
        seen = [entry for entry in school.requests if entry.number > since]
        return done({"requests": seen, "in_flight_peak": school.in_flight_peak})

    async def revoke_tokens(self, request: Request) -> Response:
        self.school(request).tokens.clear()
        return done()

    async def set_list(self, request: Request) -> Response:
        school = self.school(request)
        set_id = int(request.path_params["setId"])
        if request.method == "PUT":
            school.replace_set_list(set_id, await body_as(request, list[str]))
        return done([row.id for row in school.set_list(set_id)])

    async def add(self, request: Request) -> Response:
        school, name = self.school(request), _people_list(request)
        records = msgspec.json.decode(await request.body())
        for record in records if isinstance(records, list) else [records]:
            school.put(name, record)
        return done(status=201)

    async def change_many(self, request: Request) -> Response:
        school, name = self.school(request), _people_list(request)
        changes = await body_as(request, dict[str, dict[str, Any]])
        return done({id: school.change(id, change, _only(name)) for id, change in changes.items()})

    async def read_one(self, request: Request) -> Response:
        school, name = self.school(request), _people_list(request)
        body = school.people[name].get(request.path_params["schoolId"])
        if body is None:
            raise Unknown("Nobody here has this id.")
        return done(msgspec.Raw(body))

    async def change_one(self, request: Request) -> Response:
        name = _only(_people_list(request))
        return done(
            self.school(request).change(request.path_params["schoolId"], await body_as(request, dict[str, Any]), name)
        )

    async def remove_one(self, request: Request) -> Response:
        self.school(request).remove(request.path_params["schoolId"], _only(_people_list(request)))
        return done()

    async def enrol(self, request: Request) -> Response:
        changes = await body_as(request, dict[str, Any])
        return done(self.school(request).enrol(request.path_params["schoolId"], changes))

    async def leave(self, request: Request) -> Response:
        how = await body_as(request, _Leave)
        return done(self.school(request).leave(request.path_params["schoolId"], how.leaving_date, how.changes))

    async def leave_many(self, request: Request) -> Response:
        school, how = self.school(request), await body_as(request, _Leave)
        return done([school.leave(id, how.leaving_date, how.changes)["schoolId"] for id in how.ids])

    async def come_back(self, request: Request) -> Response:
        how = await body_as(request, _Return)
        return done(self.school(request).come_back(request.path_params["schoolId"], how.keep_alumnus, how.changes))


def _people_list(request: Request) -> str:
    name = str(request.path_params["list"])
    if name not in PEOPLE:
        raise Unknown(f"There is no list {name}; there are {', '.join(PEOPLE)}.")
    return name


def _only(name: str) -> str | None:
    """A call on students finds whoever has the id; one on another list finds only who is in it."""
    return None if name == "students" else name
