"""
Where members of staff belong: by the divisions of their records, and by the sets that name them as teacher. Pure.

| of the school | becomes |
| --- | --- |
| division of the employee | faculty |
| set that they teach | its module, that module's programme, and that programme's department |

What was never read is None, and clears nothing: so are posts where no set names any teacher, since nobody knows what
the vendor calls that field, and a field that is withheld empties every set at once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.fetcher.isams.curriculum import Codes, Curriculum, SchoolLists
from shared.contract.email import email_key, older_keys
from shared.contract.model import Structure


@dataclass(frozen=True)
class Post:
    """What one member of staff teaches, as sorted codes."""

    departments: Codes = ()
    programmes: Codes = ()
    modules: Codes = ()


NOTHING = Post()
NO_STRUCTURE = Structure()


@dataclass(frozen=True)
class Posts:
    """
    ``faculties`` maps what a division may be called (its id, code or name, case-folded) to its faculty, ``taught`` a
    member of staff, by id or by e-mail, to the codes of the modules that they teach; None: never read.
    ``are_whole``: no division is missing because its record could not be read.
    """

    faculties: Mapping[str, str] | None = None
    taught: Mapping[str, Codes] | None = None
    unsure: Collection[str] = ()
    structure: Structure = NO_STRUCTURE
    are_whole: bool = True

    def faculties_of(self, divisions: Sequence[str] | None) -> Codes | None:
        """
        A division without any year group is no faculty. None too where none of several is one (another spelling), and
        where one of them is not known while some could not be read.
        """
        if self.faculties is None or divisions is None:
            return None
        found = [self.faculties.get(one.casefold()) for one in divisions]
        known = {one for one in found if one is not None}
        if None in found and not (known and self.are_whole):
            return None
        return tuple(sorted(known))

    def of(self, id: str, email: str | None = None) -> Post | None:
        """What somebody teaches; None too while a set of theirs names what is in no list."""
        names = (id, *older_keys(email_key(email or "")))  # sets may have been kept by an earlier release
        if self.taught is None or any(name in self.unsure for name in names):
            return None
        modules = tuple(sorted({code for name in names for code in self.taught.get(name, ())}))
        return self._post(modules) if modules else NOTHING

    def _post(self, modules: Codes) -> Post:
        home_of = {one.code: one.department_code for one in self.structure.programmes}
        theirs = sorted({one.programme_code for one in self.structure.modules if one.code in modules})
        homes = {home for code in theirs if (home := home_of[code]) is not None}
        return Post(tuple(sorted(homes)), tuple(theirs), modules)


def posts(lists: SchoolLists | None, curriculum: Curriculum) -> Posts:
    """What the school's lists, and the curriculum that was made of them, come to for staff."""
    if lists is None:
        return Posts()
    structure = curriculum.structure or NO_STRUCTURE
    taught = curriculum.taught or None
    return Posts(_faculties(lists, curriculum), taught, curriculum.unsure, structure, lists.is_whole)


def _faculties(lists: SchoolLists, curriculum: Curriculum) -> dict[str, str]:
    """An id goes before a code, and a code before a name."""
    names: dict[str, str] = {}
    for called in (lambda one: str(one.id), lambda one: one.code, lambda one: one.name):
        for division in lists.divisions:
            names.setdefault(called(division).casefold(), curriculum.faculties[division.id])
    names.pop("", None)
    return names
