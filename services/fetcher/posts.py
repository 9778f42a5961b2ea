"""
Where members of staff belong: by the divisions of their records, and by the sets that name them as teacher. Pure.

| of the school | becomes |
| --- | --- |
| division of the employee | faculty |
| set that they teach | its module, that module's programme, and that programme's department |

What was never read is None, and clears nothing: so are posts where no set names any teacher, since nobody knows what
the vendor calls that field, and a field that is withheld empties every set at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.fetcher.structure import Curriculum, SchoolLists

Codes = tuple[str, ...]


@dataclass(frozen=True)
class Post:
    """What one member of staff teaches, as sorted codes."""

    departments: Codes = ()
    programmes: Codes = ()
    modules: Codes = ()


NOTHING = Post()


@dataclass(frozen=True)
class Posts:
    """
    ``faculties`` maps what a division may be called (its id, code or name, case-folded) to its faculty, ``taught`` a
    member of staff to what they teach; None: never read.
    """

    faculties: Mapping[str, str] | None = None
    taught: Mapping[str, Post] | None = None

    def faculties_of(self, divisions: Sequence[str] | None) -> Codes | None:
        """A division without any year group is no faculty. None too where none of several is one: another spelling."""
        if self.faculties is None or divisions is None:
            return None
        found = {self.faculties[name] for one in divisions if (name := one.casefold()) in self.faculties}
        return tuple(sorted(found)) if found or not divisions else None

    def of(self, id: str) -> Post | None:
        return None if self.taught is None else self.taught.get(id, NOTHING)


def posts(lists: SchoolLists | None, curriculum: Curriculum) -> Posts:
    """What the school's lists, and the curriculum that was made of them, come to for staff."""
    if lists is None:
        return Posts()
    return Posts(_faculties(lists, curriculum), _taught(curriculum))


def _faculties(lists: SchoolLists, curriculum: Curriculum) -> dict[str, str]:
    """An id goes before a code, and a code before a name."""
    names: dict[str, str] = {}
    for called in (lambda one: str(one.id), lambda one: one.code, lambda one: one.name):
        for division in lists.divisions:
            names.setdefault(called(division).casefold(), curriculum.faculties[division.id])
    names.pop("", None)
    return names


def _taught(curriculum: Curriculum) -> dict[str, Post] | None:
    if curriculum.structure is None or not curriculum.taught:
        return None
    programmes = {module.code: module.programme_code for module in curriculum.structure.modules}
    departments = {one.code: one.department_code for one in curriculum.structure.programmes}
    found = {}
    for id, modules in curriculum.taught.items():
        theirs = sorted({programmes[code] for code in modules})
        homes = {home for code in theirs if (home := departments[code]) is not None}
        found[id] = Post(tuple(sorted(homes)), tuple(theirs), modules)
    return found
