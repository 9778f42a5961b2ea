"""Every way for a configuration to be wrong, and the exact words in which it is refused."""

import os
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.config.environment import settings_of, variable_of
from shared.config.faults import Key
from shared.config.load import load
from shared.errors import ConfigError

ENVIRON = {"UNITU_KEY": "unitu-key", "ISAMS_SECRET": "isams-secret", "PUSH_KEY": "push-key", "EMPTY": " "}
TENANT = {"api_key": '{ env = "UNITU_KEY" }'}
SCHOOL = {
    "tenant": '"abbey"',
    "source": '"isams"',
    "base_url": '"https://isams.abbey.example"',
    "client_id": '"rollcall"',
    "client_secret": '{ env = "ISAMS_SECRET" }',
}
SHARE = "must be a share from 0.0 to 1.0 with at most 9 decimals; 0.30 is thirty percent"
PUSH = {"tenant": '"abbey"', "source": '"push"', "api_key": '{ env = "PUSH_KEY" }'}
FORMS = '{ env = "NAME" } or { file = "path" }'


def table(name: str, base: Mapping[str, str | None], **changes: str | None) -> str:
    """A table with some lines changed, added or (None) left out."""
    return "\n".join(
        [f"[{name}]", *(f"{key} = {value}" for key, value in {**base, **changes}.items() if value is not None)]
    )


def tenant(**changes: str | None) -> str:
    return table("tenants.abbey", TENANT, **changes)


def school(**changes: str | None) -> str:
    return table("schools.abbey", SCHOOL, **changes)


def push(slug: str = "pushed", **changes: str | None) -> str:
    return table(f"schools.{slug}", PUSH, **changes)


def with_(*tables: str) -> str:
    """Tables added to a sound file."""
    return "\n".join([*tables, tenant(), school()])


def refusal(path: str | Path = "rollcall.toml", **variables: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(Path(path), ENVIRON | variables)
    return str(refused.value).splitlines()


@pytest.fixture(autouse=True)
def _working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_file_that_these_cases_change_is_sound() -> None:
    Path("rollcall.toml").write_text(with_())
    assert load(environ=ENVIRON).schools_of("abbey") == ["abbey"]


KEYS = [
    ("pol_seconds", "3", "unknown key; did you mean poll_seconds?"),
    ("colour", "3", "unknown key; take it out, or find it in docs/configuration.md"),
    ("absence", '"left"', 'unknown key; only a school with source = "push" has it: take it out'),
    ("tenant", None, 'is missing; add tenant = "NAME", one of: abbey'),
    ("tenant", '"abey"', "names no tenant of this file; the tenants are: abbey"),
    ("tenant", '""', "must not be empty"),
    ("source", None, 'is missing; add source = "isams" or source = "push"'),
    ("source", '"isam"', 'must be "isams" or "push"'),
    ("base_url", None, 'is missing; add base_url = "https://…", as the school gave it'),
    ("client_id", None, 'is missing; add client_id = "…"'),
    ("client_secret", None, f"is missing; add client_secret = {FORMS}"),
    ("client_secret", '"hunter2"', f"a secret is never written in the file; use {FORMS}"),
    ("client_secret", "3", f"must be {FORMS}"),
    ("client_secret", '{ env = "A", file = "b" }', f"must be {FORMS}"),
    ("client_secret", "{ env = 3 }", f"must be {FORMS}"),
    (
        "client_secret",
        '{ env = "NOWHERE" }',
        'environment variable NOWHERE is not set; set it, or name a file: { file = "path" }',
    ),
    (
        "client_secret",
        '{ env = "hunter2" }',
        'the environment variable is not set; set it, or name a file: { file = "path" }',
    ),
    ("client_secret", '{ env = "EMPTY" }', "environment variable EMPTY is empty; put the secret in it"),
    (
        "client_secret",
        '{ file = "nowhere" }',
        "file nowhere does not exist; paths are relative to the configuration's folder",
    ),
    ("client_secret", '{ file = "." }', "file . cannot be read; paths are relative to the configuration's folder"),
    ("client_secret", '{ file = "empty" }', "file empty is empty; put the secret in it"),
    ("client_secret", '{ file = "latin" }', "file latin is not UTF-8 text; save the secret alone in it"),
    ("base_url", '"ftp://x"', 'must be an http or https address, as in "https://school.example"'),
    ("base_url", '"isams.abbey.example"', 'must be an http or https address, as in "https://school.example"'),
    ("base_url", '"https://x:port"', 'must be an http or https address, as in "https://school.example"'),
    ("base_url", '"https://x y"', 'must be an http or https address, as in "https://school.example"'),
    ("base_url", '"https://a:b@x"', "must not carry a user or a password; take them out of the address"),
    ("base_url", '"https://x/Main?a=1"', 'must end before ? and #, as in "https://isams.school.example"'),
    ("base_url", '"https://x/#/login"', 'must end before ? and #, as in "https://isams.school.example"'),
    ("proxy", '"http://a@x:1"', "must not carry a user or a password; take them out of the address"),
    ("token_path", '"auth"', 'must be a path that begins with /, as in "/auth/connect/token"'),
    ("ca_file", '"nowhere"', "file nowhere does not exist; paths are relative to the configuration's folder"),
    ("ca_file", "3", "must be the path of a file, in quotes"),
    ("time_zone", '"Europe/Londres"', 'is not a time zone; use a name of the IANA list, as in "Europe/London"'),
    ("academic_year_starts", '"1 Sept"', 'must be a day of every year as MM-DD, as in "09-01"'),
    ("academic_year_starts", '"09-31"', 'must be a day of every year as MM-DD, as in "09-01"'),
    ("academic_year_starts", '"02-29"', 'must be a day of every year as MM-DD, as in "09-01"'),
    ("academic_year_starts", '"13-01"', 'must be a day of every year as MM-DD, as in "09-01"'),
    ("poll_seconds", '"3"', "must be a whole number, not text; for example poll_seconds = 300"),
    ("poll_seconds", "1.5", "must be a whole number, not a decimal number; for example poll_seconds = 300"),
    ("poll_seconds", "true", "must be a whole number, not true or false; for example poll_seconds = 300"),
    ("poll_seconds", "0", "must be at least 1; for example poll_seconds = 300"),
    ("structure_hours", "-0.5", "must be at least 0; for example structure_hours = 6.0"),
    ("structure_hours", "inf", "must be a finite number; for example structure_hours = 6.0"),
    ("structure_hours", "nan", "must be at least 0; for example structure_hours = 6.0"),
    ("structure_hours", "1e999", "must be a finite number; for example structure_hours = 6.0"),
    ("structure_hours", "true", "must be a number, not true or false; for example structure_hours = 6.0"),
    ("timeout_seconds", "0", "must be more than 0; for example timeout_seconds = 30.0"),
    ("client_id", "2026-09-01", "must be text in quotes, not a date or time"),
    ("first_name", '"nick"', 'must be "preferred" or "legal"'),
    (
        "prospective_system_statuses",
        "0",
        "must be a list, not a whole number; for example prospective_system_statuses = [0]",
    ),
    (
        "system_status_words",
        "[]",
        'must be a table, not a list; for example system_status_words = { "Current" = 1 }',
    ),
    ("guard", "3", "must be a table, not a whole number; begin it with [schools.abbey.guard]"),
]


@pytest.mark.parametrize(("name", "value", "words"), KEYS, ids=[f"{name} {value}" for name, value, _ in KEYS])
def test_a_fault_of_a_school_is_told_with_file_key_and_fix(name: str, value: str | None, words: str) -> None:
    Path("empty").write_text("\n")
    Path("latin").write_bytes(b"\xe9")
    Path("rollcall.toml").write_text("\n".join([tenant(), school(**{name: value}), push()]))
    assert refusal() == [f"rollcall.toml: schools.abbey.{name}: {words}"]


OTHERS = {
    "a table of the whole": (with_("[kafak]"), "kafak: unknown key; did you mean kafka?"),
    "a section that is none": (
        "kafka = 3\n" + with_(),
        "kafka: must be a table, not a whole number; begin it with [kafka]",
    ),
    "schools that are none": (
        "schools = 3",
        "schools: must be a table, not a whole number; begin it with [schools.NAME]",
    ),
    "a school that is none": (
        f"schools.other = 3\n{with_()}",
        "schools.other: must be a table, not a whole number; begin it with [schools.other]",
    ),
    "a member of a list": (
        "\n".join([tenant(), school(prospective_system_statuses='[0, "x"]')]),
        "schools.abbey.prospective_system_statuses.1: must be a whole number, not text",
    ),
    "a member of a table": (
        "\n".join([tenant(), school(system_status_words='{ "Left now" = "x" }')]),
        'schools.abbey.system_status_words."Left now": must be a whole number, not text',
    ),
    "a key that is no number": (
        "\n".join([tenant(), school(year_from_nc_year="{ R = 0 }")]),
        "schools.abbey.year_from_nc_year.R: the key must be a whole number, not text",
    ),
    "a year that Unitu has not": (
        "\n".join([tenant(), school(year_from_nc_year="{ 7 = 8 }")]),
        "schools.abbey.year_from_nc_year.7: must be at most 7",
    ),
    "a share beyond one": (
        "\n".join([tenant(), school(guard="{ move = { share = 1.01 } }")]),
        f"schools.abbey.guard.move.share: {SHARE}",
    ),
    "a share that is no number": (
        "\n".join([tenant(), school(guard="{ move = { share = nan } }")]),
        f"schools.abbey.guard.move.share: {SHARE}",
    ),
    "a share with a tail": (
        "\n".join([tenant(), school(guard="{ move = { share = 1e-999999 } }")]),
        f"schools.abbey.guard.move.share: {SHARE}",
    ),
    "a floor where none is": (
        "\n".join([tenant(), school(guard="{ move = { floor = 5 } }")]),
        "schools.abbey.guard.move.floor: unknown key; take it out, or find it in docs/configuration.md",
    ),
    "a pushed school without its key": (
        with_(push(api_key=None)),
        f"schools.pushed.api_key: is missing; add api_key = {FORMS}",
    ),
    "a pushed school with a pace": (
        with_(push(poll_seconds="3")),
        'schools.pushed.poll_seconds: unknown key; only a school with source = "isams" has it: take it out',
    ),
    "two pushed schools with one key": (
        with_(push(), push("twin")),
        "schools.twin.api_key: is the same as that of schools.pushed; the key names the school: ask for one of its own",
    ),
    "two tenants with one key": (
        with_(table("tenants.b", TENANT, url='"https://api.unitu.io/v1/sync"'), push(tenant='"b"')),
        "tenants.abbey.api_key: is the same as that of tenants.b; "
        "one key is one tenant: put the schools of both under one",
    ),
    "a slug in capitals": (
        with_(push("Pushed")),
        "schools.Pushed: is not a slug; use 1 to 63 of a-z, 0-9 and -, not beginning with -",
    ),
    "a slug that begins with a dash": (
        with_(push("-")),
        "schools.-: is not a slug; use 1 to 63 of a-z, 0-9 and -, not beginning with -",
    ),
    "a slug with a line end": (
        with_(push('"a\\n"')),
        'schools."a\\n": is not a slug; use 1 to 63 of a-z, 0-9 and -, not beginning with -',
    ),
    "a slug too long": (
        with_(push("a" * 64)),
        f"schools.{'a' * 64}: is not a slug; use 1 to 63 of a-z, 0-9 and -, not beginning with -",
    ),
    "a tenant without a school": (
        tenant(),
        'tenants.abbey: has no school; add one with tenant = "abbey", or take the tenant out',
    ),
    "a school before any tenant": (
        push(),
        "schools.pushed.tenant: names no tenant of this file; there are none: add [tenants.NAME]",
    ),
    "going live without a word on staff": (
        "\n".join([tenant(mode='"live"'), school()]),
        'tenants.abbey.staff: is missing; mode = "live" needs staff = "managed" or staff = "not-in-unitu"',
    ),
    "a lease that ends before a POST": (
        "\n".join([tenant(timeout_seconds="90"), school()]),
        "tenants.abbey.lease_seconds: must be at least 100, 10 more than timeout_seconds: an intent is written before a"
        " POST, and whoever takes over waits both out",
    ),
    "SASL without its mechanism": (
        with_('[kafka]\nsecurity_protocol = "SASL_SSL"\nsasl_username = "x"\nsasl_password = { env = "PUSH_KEY" }'),
        'kafka.sasl_mechanism: is missing; security_protocol = "SASL_SSL" needs it',
    ),
    "brokers without a port": (
        with_('[kafka]\nbootstrap_servers = "kafka:9092, kafka"'),
        'kafka.bootstrap_servers: must be host:port, several with commas between, as in "127.0.0.1:9092"',
    ),
    "a prefix of ids with a space": (
        with_(push(id_prefix='"A "')),
        "schools.pushed.id_prefix: must be at most 20 of a-z, A-Z, 0-9, ., - and _",
    ),
    "a prefix with a dot": (
        with_('[kafka]\ntopic_prefix = "a.b"'),
        "kafka.topic_prefix: must be at most 100 of a-z, A-Z, 0-9, - and _",
    ),
    "a Redis of another kind": (
        with_('[redis]\nurl = "http://x"'),
        'redis.url: must be as in "redis://127.0.0.1:6379/0"',
    ),
    "a password in the address of Redis": (
        with_('[redis]\nurl = "redis://:hunter2@x"'),
        f"redis.url: must not carry a password; take it out and set redis.password = {FORMS}",
    ),
    "no port to listen at": (
        with_('[gateway]\nlisten = "127.0.0.1"'),
        'gateway.listen: must be host:port, as in "127.0.0.1:8080"',
    ),
    "a port beyond all": (
        with_('[gateway]\nlisten = "x:65536"'),
        'gateway.listen: must be host:port, as in "127.0.0.1:8080"',
    ),
    "an IPv6 host without brackets": (
        with_('[gateway]\nlisten = "::1:80"'),
        'gateway.listen: must be host:port, as in "127.0.0.1:8080"',
    ),
    "what nothing listens to": (
        with_('[portal]\nlisten = "127.0.0.1:8081"'),
        "portal: unknown key; there is no portal in this release, and nothing would listen: take it out",
    ),
    "a key in clear": (
        "\n".join([tenant(url='"http://api.unitu.example/v1/sync"'), school()]),
        "tenants.abbey.url: goes in clear to another machine; write ht"
        "tps, or set plain_http = true where the network in between is yours alone",
    ),
    "pupils in clear": (
        "\n".join([tenant(), school(base_url='"HTTP://isams.example"')]),
        "schools.abbey.base_url: goes in clear to another machine; write ht"
        "tps, or set plain_http = true where the network in between is yours alone",
    ),
    "a level of its own": (
        with_('[logging]\nlevel = "INFO"'),
        'logging.level: must be "debug", "info", "warning" or "error"',
    ),
}


@pytest.mark.parametrize(("text", "words"), OTHERS.values(), ids=OTHERS.keys())
def test_a_fault_anywhere_is_told_with_file_key_and_fix(text: str, words: str) -> None:
    Path("rollcall.toml").write_text(text)
    assert refusal() == [f"rollcall.toml: {words}"]


RECORD = '{"firstName": "Jo", "lastName": "Doe", "year": 1, "email": "jo@x.example", "programmeCodes": []}'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "file people.json does not exist; paths are relative to the configuration's folder"),
        ("{", "file people.json: is not JSON (EOF while parsing an object at line 1 column 1)"),
        ("[]", "file people.json: / is wrong"),
        ('{"pupils": []}', "file people.json: /pupils is not a field of Unitu's body"),
        ('{"students": [{"email": "jo"}]}', "file people.json: /students/0/firstName is missing, "
         "/students/0/lastName is missing, /students/0/email is wrong, /students/0/year is missing, "
         "/students/0/programmeCodes is missing"),
        (f'{{"students": [{RECORD.replace("1", "8")}]}}', "file people.json: /students/0/year is wrong"),
        (f'{{"students": [{RECORD}, {RECORD.replace("jo", "JO")}]}}',
         "file people.json: /students/1/email stands twice"),
        ('{"staff": [{}, {}]}', "file people.json: /staff/0/firstName is missing, /staff/0/lastName is missing, "
         "/staff/0/email is missing, /staff/1/firstName is missing, /staff/1/lastName is missing and 1 more"),
    ],
)  # fmt: skip
def test_a_faulty_file_of_protected_people_is_refused(content: str | None, words: str) -> None:
    if content is not None:
        Path("people.json").write_text(content)
    Path("rollcall.toml").write_text("\n".join([tenant(protected='"people.json"'), school()]))
    fix = "" if content is None else "; write records as in Unitu's body"
    assert refusal() == [f"rollcall.toml: tenants.abbey.protected: {words}{fix}"]


def test_protected_staff_have_no_place_where_no_staff_is_sent() -> None:
    Path("people.json").write_text('{"staff": [{"firstName": "Al", "lastName": "Oak", "email": "al@x.example"}]}')
    Path("rollcall.toml").write_text("\n".join([tenant(protected='"people.json"', staff='"not-in-unitu"'), school()]))
    assert refusal() == [
        "rollcall.toml: tenants.abbey.protected: its file lists staff; "
        'staff = "not-in-unitu" sends none: take them out, or say "managed"'
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[kafka]\npartitions = \n", "line 2, column 14: is not TOML: invalid value; correct it there"),
        (b"[kafka]\n[kafka]\n", "line 2, column 7: is not TOML: cannot declare ('kafka',) twice; correct it there"),
        (b"x = [1", "at the end: is not TOML: unclosed array; correct it there"),
        (b"x = " + b"9" * 5000, "is not TOML; correct it"),
        (b"x = 1e99999999999999999999", "is not TOML; correct it"),
        (b"x = " + b"[" * 9000, "is not TOML; correct it"),
        (b"# one\n# caf\xe9\n", "line 2: is not UTF-8; save the file as UTF-8"),
    ],
    ids=["no value", "a table twice", "no end", "a long number", "a high number", "deep", "not UTF-8"],
)
def test_what_is_not_toml_is_refused_with_its_place(content: bytes, words: str) -> None:
    Path("rollcall.toml").write_bytes(content)
    assert refusal() == [f"rollcall.toml: {words}"]


def test_a_file_that_is_not_there_is_refused() -> None:
    assert refusal("nowhere.toml") == [
        "nowhere.toml: does not exist; write it (`rollcall example` prints one), or name another in ROLLCALL_CONFIG"
    ]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == [
        f"{tmp_path}: cannot be read ({os.strerror(21)}); make it a file that this user may read"
    ]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("KAFKA__PARTITION", "3", "no setting has this name; did you mean ROLLCALL__KAFKA__PARTITIONS?"),
        ("kafka__partitions", "3", "no setting has this name; unset it, or find its setting in docs/configuration.md"),
        ("KAFKA", "{}", "no setting has this name; unset it, or find its setting in docs/configuration.md"),
        (
            "SCHOOLS__ABEY__POLL_SECONDS",
            "3",
            "no setting has this name; did you mean ROLLCALL__SCHOOLS__ABBEY__POLL_SECONDS?",
        ),
        (
            "SCHOOLS__ABBEY__POLL_SECONDS",
            "often",
            "schools.abbey.poll_seconds: must be a whole number, not text; for example poll_seconds = 300",
        ),
        (
            "SCHOOLS__ABBEY__POLL_SECONDS",
            "3\nx = 4",
            "schools.abbey.poll_seconds: must be a whole number, not text; for example poll_seconds = 300",
        ),
        (
            "SCHOOLS__ABBEY__SYSTEM_STATUS_WORDS",
            '{ "Gone" = "x" }',
            "schools.abbey.system_status_words.Gone: must be a whole number, not text",
        ),
        ("TENANTS__ABBEY__API_KEY", "", "tenants.abbey.api_key: the variable is empty; put the secret in it"),
    ],
)
def test_a_fault_from_the_environment_is_told_with_the_name_of_its_variable(
    variable: str, value: str, words: str
) -> None:
    Path("rollcall.toml").write_text(with_())
    assert refusal("rollcall.toml", **{f"ROLLCALL__{variable}": value}) == [f"ROLLCALL__{variable}: {words}"]


def test_every_fault_is_told_at_once() -> None:
    Path("rollcall.toml").write_text(
        "\n".join(
            [
                "[kafka]\npartitions = 0",
                tenant(mode='"live"', api_key='{ env = "NOWHERE" }', timeout_seconds="100"),
                table("tenants.idle", TENANT),
                school(source=None, pol_seconds="3", time_zone='"x"', tenant='"gone"'),
                push(api_key='"hunter2"'),
            ]
        )
    )
    assert refusal(ROLLCALL__LOGGING__LEVEL="loud", ROLLCALL__LOGING__LEVEL="info") == [
        "ROLLCALL__LOGING__LEVEL: no setting has this name; did you mean ROLLCALL__LOGGING__LEVEL?",
        "rollcall.toml: kafka.partitions: must be at least 1; for example partitions = 12",
        'ROLLCALL__LOGGING__LEVEL: logging.level: must be "debug", "info", "warning" or "error"',
        "rollcall.toml: tenants.abbey.api_key: environment variable NOWHERE is not set; "
        'set it, or name a file: { file = "path" }',
        "rollcall.toml: tenants.abbey.staff: is missing; "
        'mode = "live" needs staff = "managed" or staff = "not-in-unitu"',
        "rollcall.toml: tenants.abbey.lease_seconds: must be at least 110, 10 more than timeout_seconds: an intent is "
        "written before a POST, and whoever takes over waits both out",
        'rollcall.toml: schools.abbey.source: is missing; add source = "isams" or source = "push"',
        "rollcall.toml: schools.abbey.time_zone: is not a time zone; "
        'use a name of the IANA list, as in "Europe/London"',
        "rollcall.toml: schools.abbey.pol_seconds: unknown key; did you mean poll_seconds?",
        f"rollcall.toml: schools.pushed.api_key: a secret is never written in the file; use {FORMS}",
        "rollcall.toml: schools.abbey.tenant: names no tenant of this file; the tenants are: abbey, idle",
        'rollcall.toml: tenants.idle: has no school; add one with tenant = "idle", or take the tenant out',
    ]


# --- secrets ---------------------------------------------------------------------------------------------------------

SECRET = "hunter2-swordfish"  # no slug, number, address, day, zone or level


WHOLE = {
    **{f"tenants.abbey.{key}": value for key, value in TENANT.items()},
    **{f"schools.abbey.{key}": value for key, value in SCHOOL.items()},
    **{f"schools.pushed.{key}": value for key, value in PUSH.items()},
}
EVERY = sorted(settings_of((), {"tenants": {"abbey": {}}, "schools": {"abbey": SCHOOL, "pushed": {"source": "push"}}}))
PATHS = ("ca_file", "ssl_ca_file", "protected")  # the path of a file is told, since it is what must be mended
SHAPES = [f'"{SECRET}"', SECRET, f'["{SECRET}"]', f'{{ x = "{SECRET}" }}', f'{{ env = "{SECRET}" }}', f'"{SECRET}']


def outcome(text: str, environ: Mapping[str, str]) -> str:
    """What a person could see of a refusal; nothing where there is none."""
    Path("rollcall.toml").write_text(text)
    try:
        load(Path("rollcall.toml"), environ)
    except ConfigError as error:
        return repr(error) + "".join(traceback.format_exception(error))
    return ""


@pytest.mark.parametrize("key", [key for key in EVERY if key[-1] not in PATHS], ids=".".join)
def test_no_refusal_repeats_a_value(key: Key) -> None:
    whole = "\n".join(f"{name} = {value}" for name, value in WHOLE.items())
    assert outcome(whole, ENVIRON) == ""
    refused = 0
    for shape in SHAPES:
        changed = {**WHOLE, ".".join(key): shape}
        by_file = outcome("\n".join(f"{name} = {value}" for name, value in changed.items()), ENVIRON)
        by_environment = outcome(whole, {**ENVIRON, variable_of(key): shape})
        assert SECRET not in by_file + by_environment
        refused += bool(by_file)
    assert refused >= 2


UNSENDABLE = (
    "has a line's end, a control character or a letter beyond ASCII, which HTTP cannot carry; put the secret alone "
    "there, as it was given"
)
SPACED = "begins or ends with a space, which HTTP drops; put the secret alone there"


@pytest.mark.parametrize("setting", ["tenants.abbey.api_key", "schools.abbey.client_secret", "schools.pushed.api_key"])
@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("hunter2\nswordfish", UNSENDABLE),
        ("hunter2\r\nX: y", UNSENDABLE),
        ("hunter2\tswordfish", UNSENDABLE),
        ("hunter2\x7f", UNSENDABLE),
        ("hünter2", UNSENDABLE),
        ("hunter2\u200b", UNSENDABLE),
        (" hunter2", SPACED),
        ("hunter2 ", SPACED),
    ],
)
def test_a_secret_that_no_header_can_hold_is_refused_and_not_repeated(setting: str, secret: str, told: str) -> None:
    Path("rollcall.toml").write_text(with_(push()))
    variable = "ROLLCALL__" + setting.upper().replace(".", "__")
    assert refusal(**{variable: secret}) == [f"{variable}: {setting}: {told}"]


def test_any_other_secret_is_sent_as_it_is() -> None:
    Path("rollcall.toml").write_text(with_(push()))
    odd = "".join(map(chr, range(0x21, 0x7F))) + " ~"
    environ = {**ENVIRON, "ROLLCALL__TENANTS__ABBEY__API_KEY": odd}
    assert load(environ=environ).tenants["abbey"].api_key.get_secret_value() == odd


@pytest.mark.parametrize("url", [None, '"https://API.unitu.io/v1/sync/"', '"https://unitu.example/v1/sync"'])
def test_one_key_is_one_tenant_however_its_address_is_spelt(url: str | None) -> None:
    other = table("tenants.b", TENANT, url=url)
    told = outcome(with_(other, table("schools.b", SCHOOL, tenant='"b"')), ENVIRON)
    assert "tenants.abbey.api_key: is the same as that of tenants.b" in told


def test_a_shared_key_and_the_value_of_an_unknown_variable_are_not_repeated() -> None:
    told = outcome(with_(push(), push("twin")), {**ENVIRON, "PUSH_KEY": SECRET, "ROLLCALL__X": SECRET})
    assert "ROLLCALL__X" in told
    assert "schools.twin.api_key" in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('"<html>"', "acceptance_text"),
        (f'"{"x" * 201}"', "at most 200"),
    ],
)
def test_what_is_no_acceptance_of_unitus_is_refused(value: str, told: str) -> None:
    Path("rollcall.toml").write_text("\n".join([tenant(acceptance_text=value), school()]))
    assert any(told in line for line in refusal())


def test_the_words_of_an_acceptance_are_compared_without_what_stands_around_them() -> None:
    Path("rollcall.toml").write_text("\n".join([tenant(acceptance_text='" OK "'), school()]))
    assert load(environ=ENVIRON).tenants["abbey"].acceptance_text == "OK"


@pytest.mark.parametrize("host", ["127.0.0.1:9", "[::1]", "localhost:9001", "127.1.2.3"])
def test_this_machine_may_be_asked_in_clear(host: str) -> None:
    Path("rollcall.toml").write_text("\n".join([tenant(url=f'"http://{host}/v1/sync"'), school()]))
    assert load(Path("rollcall.toml"), ENVIRON).tenants["abbey"].url == f"http://{host}/v1/sync"


def test_another_may_be_where_the_file_says_so() -> None:
    text = [tenant(url='"http://unitu-twin:9002"', plain_http="true"), school(base_url='"http://x"', plain_http="true")]
    Path("rollcall.toml").write_text("\n".join(text))
    assert load(Path("rollcall.toml"), ENVIRON).schools["abbey"].plain_http  # type: ignore[union-attr]
