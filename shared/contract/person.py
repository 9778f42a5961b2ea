"""
What identifies a person, and whether two records are one person's: pure (DESIGN §6).

A name is spelt in many ways, and none of them is a new person; so names are compared in one canonical form. What a
person has for life (the unique pupil number, the person's GUID, the pushed feed's own id) outweighs every name.
"""

from typing import Annotated

from shared.contract.canonical_text import canonical
from shared.contract.model import Frozen, Student, says

STABLE = ("unique_pupil_number", "person_guid")
SHORTEST = 6  # characters of a number for life: "0", "n/a" and "tbc" are what an office types where it has none


class Identity(Frozen, kw_only=True):
    """Who somebody is, in the record's own spelling; what nobody said is absent."""

    first_names: Annotated[tuple[str, ...], says("The legal and the preferred first name.")] = ()
    last_name: Annotated[str | None, says("Last name.")] = None
    date_of_birth: Annotated[str | None, says("Date of birth. YYYY-MM-DD.")] = None
    unique_pupil_number: Annotated[str | None, says("The number that a pupil has for life, whatever the school.")] = (
        None
    )
    person_guid: Annotated[str | None, says("The GUID that iSAMS has for the person, whatever their `schoolId`.")] = (
        None
    )
    feed_id: Annotated[str | None, says("The pushed feed's own `id`; absent where that is the key.")] = None


NOBODY = Identity()


def identity_of(record: Student | None) -> Identity:
    """What a record says of who somebody is; of no record, nothing."""
    if record is None:
        return NOBODY
    return Identity(
        first_names=tuple(dict.fromkeys(filter(None, (record.first_name, record.preferred_name)))),
        last_name=record.last_name or None,
        date_of_birth=record.date_of_birth or None,
        unique_pupil_number=record.unique_pupil_number or None,
        person_guid=record.person_guid or None,
        feed_id=record.feed_id or None,
    )


def filled(one: Identity, by: Identity) -> Identity:
    """``one``, with what it does not say taken from ``by``."""
    names = Identity.__struct_fields__
    return Identity(**{name: getattr(one, name) or getattr(by, name) for name in names})


def same_for_life(one: Identity, other: Identity) -> bool | None:
    """
    Whether something that a person has for life says that two are one (True) or two (False). None: it says nothing.

    One that agrees is enough: a school's own system may give a GUID anew, a temporary pupil number becomes another.
    """
    said = [(mine, its) for mine, its in zip(_for_life(one), _for_life(other), strict=True) if mine and its]
    return any(mine == its for mine, its in said) if said else None


def _for_life(who: Identity) -> tuple[str, ...]:
    return (*[_number(getattr(who, name)) for name in STABLE], (who.feed_id or "").strip())


def _number(text: str | None) -> str:
    """A number for life as it is compared; empty for what is typed where there is none."""
    number = canonical(text or "")
    is_one = len(number) >= SHORTEST and len(set(number)) > 2 and any(letter.isdigit() for letter in number)
    return number if is_one else ""


def same_first_name(one: Identity, other: Identity) -> bool | None:
    """Whether any first name is in both. None: one of them has none."""
    mine, its = _first_names(one), _first_names(other)
    return not mine.isdisjoint(its) if mine and its else None


def same_last_name(one: Identity, other: Identity) -> bool | None:
    mine, its = canonical(one.last_name or ""), canonical(other.last_name or "")
    return mine == its if mine and its else None


def same_birth_date(one: Identity, other: Identity) -> bool | None:
    if one.date_of_birth is None or other.date_of_birth is None:
        return None
    return one.date_of_birth == other.date_of_birth


def _first_names(who: Identity) -> set[str]:
    return {name for name in map(canonical, who.first_names) if name}


def likeness(one: Identity, other: Identity) -> int:
    """
    How sure it is that two records are one person's: 0 they are not; by the birth date and 1 the last name, 2 a first
    name, 3 both; 4 by something for life. Children of one birth share the first of these.
    """
    if (for_life := same_for_life(one, other)) is not None:
        return 4 if for_life else 0
    if not same_birth_date(one, other):
        return 0
    return (2 if same_first_name(one, other) else 0) + (1 if same_last_name(one, other) else 0)


def seems_same(one: Identity, other: Identity) -> bool:
    """Whether two records may well be one person's."""
    return likeness(one, other) > 0


def marks_of(who: Identity) -> set[str]:
    """Two who seem to be the same have one of these in common, so that they are found without looking at everybody."""
    found = {f"{name}:{value}" for name, value in zip((*STABLE, "feed_id"), _for_life(who), strict=True) if value}
    if who.date_of_birth is not None:
        found |= {f"first:{who.date_of_birth}:{name}" for name in _first_names(who)}
        if last := canonical(who.last_name or ""):
            found.add(f"last:{who.date_of_birth}:{last}")
    return found


def is_another(had: Identity, now: Identity, *, is_enabled: bool) -> bool:
    """
    Whether a record that comes under an account's id is somebody else's.

    Of an enabled account: the birth date *and* a name are others; one of them alone is a correction. Of a disabled one
    the birth date alone is enough, since it would switch a stranger on. Where only one of the two has a birth date,
    both names must be others; nothing is concluded of an enabled account for which neither has one.
    """
    first, last, born = same_first_name(had, now), same_last_name(had, now), same_birth_date(had, now)
    has_other_name = first is False or last is False
    if (for_life := same_for_life(had, now)) is not None:
        return not for_life and (has_other_name or born is False)
    if born is False:
        return has_other_name or not is_enabled
    has_other_names = first is False and last is False
    is_half_known = (had.date_of_birth is None) != (now.date_of_birth is None)
    return born is None and has_other_names and (is_half_known or not is_enabled)
