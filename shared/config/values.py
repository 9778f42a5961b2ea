"""What a value in the configuration may be. No message here repeats a value: it may be a secret in the wrong place."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit, urlunsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, ValidationInfo

LONGEST_ACCEPTANCE = 200  # characters: of an answer, 500 are kept
LONGEST_ROLLOVER = 120  # days to either side of an academic year's first: a window never meets the next year's
SHORTEST_KEY = 24  # characters of a key that signs
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")  # only such a name is repeated in a message; anything else may be the secret
SECRET_FORMS = '{ env = "NAME" } or { file = "path" }'  # noqa: S105 - how a secret is named


@dataclass(frozen=True)
class Reading:
    """The context of one validation: what relative paths and names of variables refer to."""

    folder: Path
    environ: Mapping[str, str]


def parse_toml(text: str) -> dict[str, Any]:
    """Decimal numbers stay as they were written. Raises: ValueError, also for what is beyond Python's limits."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (ArithmeticError, RecursionError):
        raise ValueError("a number or a nesting beyond all limits") from None


def reading_of(info: ValidationInfo) -> Reading:
    if not isinstance(info.context, Reading):
        raise TypeError("the configuration is read by shared.config.load.load")
    return info.context


def read_file(name: str, reading: Reading) -> bytes:
    """Raises: ValueError with the fix."""
    try:
        return (reading.folder / name).read_bytes()
    except (OSError, ValueError) as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise ValueError(f"file {name} {reason}; paths are relative to the configuration's folder") from None


def secret_of(value: object, reading: Reading) -> str:
    """The secret that a reference names. Raises: ValueError with the fix."""
    match value:
        case SecretStr():  # it came by the environment, under its setting's own name
            text, where = value.get_secret_value(), "the variable"
        case {"env": str(name), **rest} if not rest:
            where = f"environment variable {name}" if VARIABLE.fullmatch(name) else "the environment variable"
            text = _variable(name, where, reading)
        case {"file": str(name), **rest} if not rest:
            text, where = _secret_file(name, reading), f"file {name}"
        case str():
            raise ValueError(f"a secret is never written in the file; use {SECRET_FORMS}")
        case _:
            raise ValueError(f"must be {SECRET_FORMS}")
    if not text.strip():
        raise ValueError(f"{where} is empty; put the secret in it")
    return text


def _variable(name: str, where: str, reading: Reading) -> str:
    text = reading.environ.get(name)
    if text is None:
        raise ValueError(f'{where} is not set; set it, or name a file: {{ file = "path" }}')
    return text


def _secret_file(name: str, reading: Reading) -> str:
    try:
        return read_file(name, reading).decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"file {name} is not UTF-8 text; save the secret alone in it") from None


def _secret(value: object, info: ValidationInfo) -> SecretStr:
    return SecretStr(secret_of(value, reading_of(info)))


def _sendable(value: SecretStr) -> SecretStr:
    """HTTP carries visible ASCII: of anything else a client would stop, and might tell the secret while it does."""
    text = value.get_secret_value()
    if text != text.strip(" "):
        raise ValueError("begins or ends with a space, which HTTP drops; put the secret alone there")
    if not text.isascii() or not text.isprintable():
        raise ValueError(
            "has a line's end, a control character or a letter beyond ASCII, which HTTP cannot carry; put the secret "
            "alone there, as it was given"
        )
    return value


def _signing_key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SHORTEST_KEY:
        raise ValueError(
            f"must have at least {SHORTEST_KEY} characters, or it can be guessed; make one: "
            "`python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
        )
    return value


def _share(value: object) -> Fraction:
    """Exact: 0.30 in the file is 3/10, which no binary float is."""
    if isinstance(value, Fraction):
        return value
    number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else Decimal("nan")
    if not number.is_finite() or not 0 <= number <= 1 or number != round(number, 9):
        raise ValueError("must be a share from 0.0 to 1.0 with at most 9 decimals; 0.30 is thirty percent")
    return Fraction(number)


def _number(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _url(value: str) -> str:
    parts = _address(value, ("http", "https"), 'must be an http or https address, as in "https://school.example"')
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry a user or a password; take them out of the address")
    return value


_API_PATH = re.compile(r"(/+main)?(/+api)?/*$", re.IGNORECASE)


def _base_url(value: str) -> str:
    """Strip ``/Main`` and ``/api`` off the end: schools copy the address from a browser or the vendor's examples."""
    parts = urlsplit(value)
    if parts.query or parts.fragment:
        raise ValueError('must end before ? and #, as in "https://isams.school.example"')
    return urlunsplit(parts._replace(path=_API_PATH.sub("", parts.path, count=1)))


def _redis_url(value: str) -> str:
    parts = _address(value, ("redis", "rediss", "unix"), 'must be as in "redis://127.0.0.1:6379/0"')
    if parts.password is not None or "password=" in parts.query:
        raise ValueError(f"must not carry a password; take it out and set redis.password = {SECRET_FORMS}")
    return value


def _address(value: str, schemes: tuple[str, ...], wrong: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in schemes and bool(parts.hostname or parts.scheme == "unix") and parts.port != 0
    except ValueError:  # a port that is none, a bracket without its other
        sound = False
    if not sound or re.search(r"[\s\x00-\x1f]", value):
        raise ValueError(wrong)
    return parts


def split_address(value: str) -> tuple[str, int]:
    """``host:port``, with an IPv6 host in brackets. Raises: ValueError."""
    host, colon, port = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 host stands in brackets")
    if not (colon and host and re.fullmatch(r"[0-9]{1,5}", port) and int(port) <= 65535) or re.search(r"\s", host):
        raise ValueError("not host:port")
    return host, int(port)


def _listen(value: str) -> str:
    try:
        split_address(value)
    except ValueError:
        raise ValueError('must be host:port, as in "127.0.0.1:8080"') from None
    return value


def _servers(value: str) -> str:
    try:
        for server in value.split(","):
            split_address(server.strip())
    except ValueError:
        raise ValueError('must be host:port, several with commas between, as in "127.0.0.1:9092"') from None
    return value


def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError("is not a slug; use 1 to 63 of a-z, 0-9 and -, not beginning with -")
    return value


@cache
def _time_zones() -> set[str]:
    return available_timezones()  # reads folders: 10 ms


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        raise ValueError('is not a time zone; use a name of the IANA list, as in "Europe/London"')
    return value


def _month_day(value: str) -> str:
    days = dict(enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))  # in every year
    found = re.fullmatch(r"([0-9]{2})-([0-9]{2})", value)
    if not found or not 1 <= int(found[2]) <= days.get(int(found[1]), 0):
        raise ValueError('must be a day of every year as MM-DD, as in "09-01"')
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,100}", value):
        raise ValueError("must be at most 100 of a-z, A-Z, 0-9, - and _")
    return value


def _mark(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,20}", value):
        raise ValueError("must be at most 20 of a-z, A-Z, 0-9, ., - and _")
    return value


def _path(value: str) -> str:
    if not re.fullmatch(r"/[^\s?#]*", value):
        raise ValueError('must be a path that begins with /, as in "/auth/connect/token"')
    return value


def _student_path(value: str) -> str:
    if _path(value).count("{schoolId}") != 1:
        raise ValueError('must have {schoolId} in it once, as in "/api/gradebooks/students/{schoolId}"')
    return value


def _folder(value: object, info: ValidationInfo) -> Path:
    """It is made when something is first put there."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("must be the path of a folder, in quotes")
    folder = (reading_of(info).folder / value).absolute()
    if folder.exists() and not folder.is_dir():
        raise ValueError("must be a folder, and there is a file of that name")
    return folder


def _file(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("must be the path of a file, in quotes")
    read_file(value, reading_of(info))
    return (reading_of(info).folder / value).absolute()


def _sorted(value: object) -> object:
    """A list as a sorted tuple: its order decides nothing. What cannot be sorted is left for its type to refuse."""
    if not isinstance(value, list | tuple):
        return value
    try:
        return tuple(sorted(set(value)))
    except TypeError:
        return tuple(value)


def _whole_keys(value: object) -> object:
    """TOML's keys are text; those of this table are numbers. What is not a number is left for its type to refuse."""
    if not isinstance(value, Mapping):
        return value
    return {
        int(key) if isinstance(key, str) and re.fullmatch(r"-?[0-9]{1,3}", key) else key: value[key] for key in value
    }


def _ordered(value: dict[Any, Any]) -> dict[Any, Any]:
    return dict(sorted(value.items()))


def _acceptance(value: str) -> str:
    """Exact words of Unitu's: a page in its place must never be taken for them."""
    words = value.strip()
    if words.startswith("<"):
        raise ValueError(
            "is the beginning of a page; give the words with which Unitu accepts a snapshot, as they stand"
        )
    if len(words) > LONGEST_ACCEPTANCE:
        raise ValueError(f"has {len(words)} characters; at most {LONGEST_ACCEPTANCE} are compared")
    return words


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
SentSecret = Annotated[Secret, AfterValidator(_sendable)]
SigningKey = Annotated[Secret, AfterValidator(_signing_key)]
Share = Annotated[Fraction, BeforeValidator(_share), PlainSerializer(str)]
Number = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]  # 0 waits for nothing
PositiveNumber = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0)]
PositiveWhole = Annotated[int, Field(ge=1)]
RolloverDays = Annotated[int, Field(ge=0, le=LONGEST_ROLLOVER)]
Text = Annotated[str, Field(min_length=1)]
Slug = Annotated[str, AfterValidator(_slug)]
Url = Annotated[str, AfterValidator(_url)]
AcceptanceText = Annotated[str, AfterValidator(_acceptance)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
BaseUrl = Annotated[Url, AfterValidator(_base_url)]
Mark = Annotated[str, AfterValidator(_mark)]
UrlPath = Annotated[str, AfterValidator(_path)]
Listen = Annotated[str, AfterValidator(_listen)]
Servers = Annotated[str, AfterValidator(_servers)]
Prefix = Annotated[str, AfterValidator(_prefix)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
MonthDay = Annotated[str, AfterValidator(_month_day)]
StudentPath = Annotated[str, AfterValidator(_student_path)]
Folder = Annotated[Path, BeforeValidator(_folder)]
ExistingFile = Annotated[Path, BeforeValidator(_file)]
Wholes = Annotated[tuple[int, ...], BeforeValidator(_sorted)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_sorted)]
WordNumbers = Annotated[dict[Text, int], AfterValidator(_ordered)]
YearMap = Annotated[
    dict[int, Annotated[int, Field(ge=0, le=7)]], BeforeValidator(_whole_keys), AfterValidator(_ordered)
]
