"""The people of a tenant's ``protected`` file: whole records, as in Unitu's body, that are in every snapshot."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic.alias_generators import to_camel

from shared.config.values import Text, read_file, reading_of
from shared.contract.email import email_key


class Record(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )

    id: Text | None = None
    first_name: Text
    last_name: Text
    email: Annotated[str, Field(pattern=r"^\S+@\S+$")]
    personal_email: str | None = None
    phone: str | None = None
    module_codes: tuple[Text, ...] = ()
    metadata: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """As Unitu's body has it, with the fields that the file has."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class ProtectedStudent(Record):
    year: Annotated[int, Field(ge=0, le=7)] | None
    programme_codes: tuple[Text, ...]


class ProtectedStaff(Record):
    university_title: str | None = None
    faculty_codes: tuple[Text, ...] = ()
    department_codes: tuple[Text, ...] = ()
    programme_codes: tuple[Text, ...] = ()


class Protected(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    students: tuple[ProtectedStudent, ...] = ()
    staff: tuple[ProtectedStaff, ...] = ()


def _protected(value: object, info: ValidationInfo) -> Protected:
    if isinstance(value, Protected):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("must be the path of a JSON file, in quotes")
    try:
        protected = Protected.model_validate_json(read_file(value, reading_of(info)))
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors(include_url=False, include_input=False)]
    else:
        faults = _repeated(protected)
        if not faults:
            return protected
    more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
    raise ValueError(f"file {value}: {', '.join(faults[:5])}{more}; write records as in Unitu's body")


def _fault(fault: Any) -> str:
    if fault["type"] == "json_invalid":
        return f"is not JSON ({fault['ctx']['error']})"
    what = {"missing": "is missing", "extra_forbidden": "is not a field of Unitu's body"}.get(fault["type"], "is wrong")
    return f"/{'/'.join(str(part) for part in fault['loc'])} {what}"


def _repeated(protected: Protected) -> list[str]:
    """Two records of one e-mail: Unitu would have one account for both."""
    seen: set[str] = set()
    faults = []
    for name, records in (("students", protected.students), ("staff", protected.staff)):
        for position, record in enumerate(records):
            email = email_key(record.email)
            if email in seen:
                faults.append(f"/{name}/{position}/email stands twice")
            seen.add(email)
    return faults


ProtectedFile = Annotated[Protected, BeforeValidator(_protected)]
