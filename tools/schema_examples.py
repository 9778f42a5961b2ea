"""A first example of an event that has none: made up from its model, for a person to make better."""

from typing import Any

import msgspec
from msgspec import inspect

from shared.contract.model import Frozen

MOMENT = "2026-11-23T08:00:00.000Z"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015"
STUDENT, EMAIL, PROGRAMME, MODULE = "3050000001", "ada.fern@abbey.example", "Y10", "Y10-HIS"

TEXTS = {  # by a field's name, else by its end
    "school": "abbey",
    "tenant": "abbey",
    "student_id": STUDENT,
    "feed_id": "u20417",
    "id": STUDENT,
    "person": STUDENT,
    "holder": "abbey/3050000002",
    "subject": "History",
    "period": "2026 / Autumn term",
    "score": "62",
    "out_of": "80",
    "grade": "B+",
    "comment": "Reads with care.",
    "teacher": "Ms S. Oak",
    "Mark.name": "Essay 1",
    "Mark.date": "2026-10-09",
    "file": "9f/9f86d081884c7d659a2feaa0c55ad015.jpg",
    "PhotoFetched.hash": DIGEST,
    "content_type": "image/jpeg",
    "request": "5f2c81d9-a0b3-4e67-9b5e-1f2a3b4c5d6e",
    "sweep": "0192f3a4-7c1e-7d3a-9b5e-1f2a3b4c5d6e",
    "cause": "changed",
    "first_name": "Ada",
    "preferred_name": "Ada",
    "middle_names": "Mae",
    "last_name": "Fern",
    "title": "Miss",
    "name": "History",
    "date_of_birth": "2011-04-09",
    "leaving_date": "2026-07-10",
    "email": EMAIL,
    "personal_email": "ada@home.example",
    "delivered": EMAIL,
    "own": "ada.reed@abbey.example",
    "phone": "+44 20 7946 0000",
    "form": "10A",
    "house": "Oak",
    "system_status_word": "Current",
    "admission_status": "Accepted",
    "metadata": "2026",
    "programme": PROGRAMME,
    "programme_code": PROGRAMME,
    "department_code": "HUM",
    "faculty_code": "SEN",
    "module": MODULE,
    "code": MODULE,
    "Faculty.code": "SEN",
    "Faculty.name": "Senior School",
    "Department.code": "HUM",
    "Department.name": "Humanities",
    "Programme.code": PROGRAMME,
    "Programme.name": "Year 10",
    "House.code": "OAK",
    "House.name": "Oak",
    "Term.code": "2026-Autumn",
    "Term.name": "Autumn",
    "starts": "2026-09-01",
    "ends": "2026-12-15",
    "town": "Wick",
    "county": "Caithness",
    "postcode": "ZZ9 9ZZ",
    "country": "United Kingdom",
    "Reason.code": "below_last",
    "Reason.message": "3 e-mails of the last snapshot are missing and nothing says why",
    "rules": "email",
    "answer": "the request is malformed",
    "roll_hash": DIGEST,
    "roster_hash": DIGEST,
    "operator": "kim",
    "note": "seen with the registrar",
    "plan": "disable_unexplained",
    "budget": "2 heads or 2 %",
    "headroom": "-1",
    "share": "1/50",
    "path": "/api/students",
    "pointer": "/students/0/email",
    "reason": "page_missing",
    "detail": "page 2 of 3 was not read",
    "message": "is no e-mail address",
    "area": "students",
    "epoch": "5f2c81d9a0b34e67",
    "writer": "5f2c81d9a0b34e67",
    "rebuilds": "5f2c81d9a0b34e67",
    "version": "4b227777d4dd",
    "settings_version": "4b227777d4dd",
    "ref": DIGEST,
    "assessed": DIGEST,
    "bound": DIGEST,
    "content_sum": DIGEST,
    "held": "9f86d081884c7d65",
    "hash": "9f86d081884c7d65",
    "digest": DIGEST,
    "former": EMAIL,
    "email_releases": "ada.reed@abbey.example",
    "spent": MOMENT,
    "since": MOMENT,
    "not_before": MOMENT,
    "url": "https://api.unitu.io/v1/sync",
    "waits_for_email": EMAIL,
    "at": MOMENT,
    "_at": MOMENT,
}
NUMBERS = {
    "size": 51_200,
    "photo_id": 9912,
    "system_status": 1,
    "status": 202,
    "year": 4,
    "year_group": 10,
    "enrolment_year": 2026,
    "leaving_year": 2027,
    "roll_count": 1500,
    "roster_count": 1500,
    "declared": 1500,
    "received": 1500,
    "pages": 2,
    "chunks": 2,
    "chunk": 1,
    "headroom": -1,
}
MEMBERS = {  # of a list, by its name
    "programmes": PROGRAMME,
    "modules": MODULE,
    "entities": PROGRAMME,
    "added": PROGRAMME,
    "removed": PROGRAMME,
    "repeated_codes": PROGRAMME,
    "lists": "leavers",
    "lines": "1 Low Lane",
    "missing": "modules",
    "areas": "sets",
    "ids": STUDENT,
    "found": STUDENT,
    "explained": STUDENT,
    "unexplained": STUDENT,
    "schools": "abbey",
    "fields": "first_name",
    "lost": EMAIL,
    "provisioned": EMAIL,
    "disabled": EMAIL,
    "enabled": EMAIL,
}
KEYS = {  # of a mapping, by its name
    "metadata": "cohort",
    "held": "disable_unexplained",
    "holds": "disable_unexplained",
    "spent": "disable_unexplained",
    "budgets": "disable_unexplained",
    "counts": "disable_unexplained",
    "causes": "students-fetched",
    "by_cause": "left_by_id",
    "areas": "students",
    "entities": "programmes",
    "added": "programmes",
    "removed": "programmes",
    "repeated_codes": "programmes",
    "roster": EMAIL,
    "gained": EMAIL,
    "lost": EMAIL,
    "former": f"abbey/{STUDENT}",
    "email_releases": f"abbey/{STUDENT}",
    "rebuilds": "3",
    "positions": "abbey",
}


def full(model: type[Frozen]) -> Any:
    """Every field, with a value that is not its default."""
    return _value(inspect.type_info(model), "")


def least(model: type[Frozen]) -> Any:
    """The fields that must be there."""
    required = [field.encode_name for field in msgspec.structs.fields(model) if field.required]
    whole = full(model)
    return {name: whole[name] for name in required}


def _value(kind: inspect.Type, name: str, default: Any = None) -> Any:
    match kind:
        case inspect.Metadata():  # a description
            return _value(kind.type, name, default)
        case inspect.StructType(array_like=True):
            return [_value(field.type, field.name) for field in kind.fields]
        case inspect.StructType():
            owner = kind.cls.__name__
            return {one.encode_name: _value(one.type, _known(owner, one.name), one.default) for one in kind.fields}
        case inspect.UnionType():
            return _value(next(one for one in kind.types if not isinstance(one, inspect.NoneType)), name, default)
        case inspect.LiteralType():
            return next((one for one in kind.values if one != default), default)
        case inspect.EnumType():
            return next(one.value for one in kind.cls if one != default)
        case inspect.BoolType():
            return default is not True
        case inspect.IntType():
            return NUMBERS.get(name, 7)
        case inspect.FloatType():
            return 60.0
        case inspect.DictType():
            return {KEYS.get(name, "abbey"): _value(kind.value_type, name)}
        case inspect.VarTupleType() | inspect.ListType():
            is_text = isinstance(kind.item_type, inspect.StrType)
            return [MEMBERS[name] if is_text and name in MEMBERS else _value(kind.item_type, name)]
        case inspect.TupleType():
            return [_value(one, name) for one in kind.item_types]
        case inspect.StrType():
            return _text(name)
    raise TypeError(f"{name}: no example of {kind}")


def _known(owner: str, field: str) -> str:
    """A field's name, with its owner's where the table tells that field of that owner."""
    return f"{owner}.{field}" if f"{owner}.{field}" in TEXTS else field


def _text(name: str) -> str:
    if name in TEXTS:
        return TEXTS[name]
    return next((text for end, text in TEXTS.items() if name.endswith(end)), f"some {name.replace('_', ' ')}")
