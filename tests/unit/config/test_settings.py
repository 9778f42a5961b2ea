"""What a sound configuration becomes. test_config_refusals.py has the unsound, test_config_documents.py the words."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from shared.config.load import load
from shared.config.settings import (
    Config,
    Guard,
    IsamsSchool,
    Move,
    PushSchool,
)

SECRETS = {"UNITU_KEY": "unitu-key", "ISAMS_SECRET": "isams-secret", "PUSH_KEY": "push-key"}
FILE = """
[tenants.abbey]
api_key = { env = "UNITU_KEY" }

[schools.abbey]
tenant = "abbey"
source = "isams"
base_url = "https://isams.abbey.example"
client_id = "rollcall"
client_secret = { env = "ISAMS_SECRET" }

[schools.northern-uni]
tenant = "abbey"
source = "push"
api_key = { env = "PUSH_KEY" }
"""

Loader = Callable[..., Config]


@pytest.fixture
def loaded(tmp_path: Path) -> Loader:
    def load_text(text: str = FILE, **variables: str) -> Config:
        path = tmp_path / "rollcall.toml"
        path.write_text(text)
        return load(path, SECRETS | variables)

    return load_text


def isams(config: Config) -> IsamsSchool:
    school = config.schools["abbey"]
    assert isinstance(school, IsamsSchool)
    return school


def push(config: Config) -> PushSchool:
    school = config.schools["northern-uni"]
    assert isinstance(school, PushSchool)
    return school


# --- where it comes from ---------------------------------------------------------------------------------------------


def test_an_argument_goes_before_the_environment_and_that_before_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, level in (("rollcall", "debug"), ("named", "warning"), ("given", "error")):
        Path(f"{name}.toml").write_text(f'logging.level = "{level}"')
    assert load(environ={}).logging.level == "debug"
    assert load(environ={"ROLLCALL_CONFIG": "named.toml"}).logging.level == "warning"
    assert load(Path("given.toml"), {"ROLLCALL_CONFIG": "named.toml"}).logging.level == "error"


def test_the_environment_of_the_process_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rollcall.toml").touch()
    monkeypatch.setenv("ROLLCALL__KAFKA__PARTITIONS", "3")
    assert load().kafka.partitions == 3


def test_a_file_saved_on_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rollcall.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    assert load(path, SECRETS).schools_of("abbey") == ["abbey", "northern-uni"]


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"s3cret", "s3cret"), (b"s3cret\n", "s3cret"), (b"s3 cret\r\n", "s3 cret"), (b"\xef\xbb\xbfs3cret", "s3cret")],
)
def test_a_secret_file_is_beside_the_configuration_and_its_line_end_is_no_part_of_it(
    loaded: Loader, tmp_path: Path, content: bytes, secret: str
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "unitu").write_bytes(content)
    config = loaded(FILE.replace('{ env = "UNITU_KEY" }', '{ file = "secrets/unitu" }'))
    assert config.tenants["abbey"].api_key.get_secret_value() == secret


@pytest.mark.parametrize(
    ("variable", "text", "read", "value"),
    [
        ("KAFKA__BOOTSTRAP_SERVERS", "kafka:9092,two:9092", lambda c: c.kafka.bootstrap_servers, "kafka:9092,two:9092"),
        ("KAFKA__BOOTSTRAP_SERVERS", '"kafka:9092"', lambda c: c.kafka.bootstrap_servers, "kafka:9092"),
        ("KAFKA__CREATE_TOPICS", "true", lambda c: c.kafka.create_topics, True),
        ("KAFKA__POLL_SECONDS", "1", lambda c: c.kafka.poll_seconds, 1.0),
        ("SCHOOLS__ABBEY__POLL_SECONDS", "7", lambda c: isams(c).poll_seconds, 7),
        ("SCHOOLS__ABBEY__CLIENT_ID", "12345", lambda c: isams(c).client_id, "12345"),
        ("SCHOOLS__ABBEY__CLIENT_ID", "true", lambda c: isams(c).client_id, "true"),
        ("SCHOOLS__ABBEY__TOKEN_SCOPE", "", lambda c: isams(c).token_scope, ""),
        ("SCHOOLS__ABBEY__ACADEMIC_YEAR_STARTS", "08-15", lambda c: isams(c).academic_year_starts, "08-15"),
        (
            "SCHOOLS__ABBEY__PROSPECTIVE_SYSTEM_STATUSES",
            "[0, 5]",
            lambda c: isams(c).prospective_system_statuses,
            (0, 5),
        ),
        ("SCHOOLS__ABBEY__YEAR_FROM_NC_YEAR", "{ 12 = 1 }", lambda c: isams(c).year_from_nc_year, {12: 1}),
        ("SCHOOLS__ABBEY__GUARD__MOVE__SHARE", "0.07", lambda c: isams(c).guard.move.share, Fraction(7, 100)),
        ("SCHOOLS__NORTHERN_UNI__KEY", "id", lambda c: push(c).key, "id"),
        ("TENANTS__ABBEY__MODE", "paused", lambda c: c.tenants["abbey"].mode, "paused"),
        ("TENANTS__ABBEY__API_KEY", "007", lambda c: c.tenants["abbey"].api_key, SecretStr("007")),
        (
            "TENANTS__ABBEY__API_KEY",
            '{ env = "PUSH_KEY" }',
            lambda c: c.tenants["abbey"].api_key,
            SecretStr("push-key"),
        ),
        ("KAFKA__SASL_PASSWORD", '"quoted"', lambda c: c.kafka.sasl_password, SecretStr('"quoted"')),
    ],
)
def test_a_value_from_the_environment_has_the_type_of_its_setting(
    loaded: Loader, variable: str, text: str, read: Callable[[Config], object], value: object
) -> None:
    assert read(loaded(**{f"ROLLCALL__{variable}": text})) == value


def test_the_environment_can_change_the_source_of_a_school(loaded: Loader) -> None:
    text = FILE[: FILE.index("base_url")]
    school = loaded(text, ROLLCALL__SCHOOLS__ABBEY__SOURCE="push", ROLLCALL__SCHOOLS__ABBEY__API_KEY="k").schools[
        "abbey"
    ]
    assert isinstance(school, PushSchool)


def test_an_environment_variable_of_another_program_is_none_of_ours(loaded: Loader) -> None:
    assert loaded(ROLLCALL_HOME="x", ROLLCALL_="x") == loaded()


# --- what the values become ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ("0.30", Fraction(3, 10)),
        ("0.07", Fraction(7, 100)),
        ("1.0", Fraction(1)),
        ("1", Fraction(1)),
        ("0", Fraction(0)),
    ],
)
def test_a_share_is_the_exact_fraction_that_was_written(loaded: Loader, written: str, share: Fraction) -> None:
    guard = isams(loaded(f"{FILE}\n[schools.abbey.guard]\nmove = {{ share = {written} }}")).guard
    assert guard.move.share == share
    assert isinstance(guard.move.share, Fraction)


def test_a_budget_keeps_the_defaults_of_what_it_does_not_say(loaded: Loader) -> None:
    budget = isams(loaded(f"{FILE}\n[schools.abbey.guard.disable_explained]\nshare = 0.5")).guard.disable_explained
    assert (budget.floor, budget.share, budget.count) == (5, Fraction(1, 2), 200)


def test_every_waiting_time_may_be_nothing(loaded: Loader) -> None:
    may = {"quiet_seconds", "max_delay_seconds", "min_interval_seconds", "resend_hours", "resend_after_change_seconds"}
    waits = {f"ROLLCALL__TENANTS__ABBEY__{name.upper()}": "0" for name in may | {"retry_max_seconds"}}
    waits |= {f"ROLLCALL__SCHOOLS__ABBEY__{name}": "0" for name in ("FULL_SWEEP_HOURS", "STRUCTURE_HOURS")}
    waits |= {"ROLLCALL__SCHOOLS__ABBEY__ABSENCE_CONFIRM_MINUTES": "0", "ROLLCALL__SCHOOLS__ABBEY__POLL_SECONDS": "1"}
    config = loaded(**waits)
    assert {getattr(config.tenants["abbey"], name) for name in may} == {0.0}
    assert isams(config).structure_hours == isams(config).absence_confirm_minutes == 0.0
    assert isams(config).poll_seconds == 1


def test_what_a_school_says_of_its_days_can_be_reckoned_with(loaded: Loader) -> None:
    school = loaded().schools["abbey"]
    assert school.academic_year_start == (9, 1)
    assert datetime(2026, 8, 31, 23, 30, tzinfo=UTC).astimezone(school.zone).date() == date(2026, 9, 1)


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:8080", "::1", 8080), ("gateway.local:65535", "gateway.local", 65535)],
)
def test_where_to_listen_is_a_host_and_a_port(loaded: Loader, listen: str, host: str, port: int) -> None:
    gateway = loaded(ROLLCALL__GATEWAY__LISTEN=listen).gateway
    assert (gateway.host, gateway.port) == (host, port)


@pytest.mark.parametrize("url", ["redis://cache@redis:6379/0", "rediss://redis", "unix:///run/redis.sock?db=1"])
def test_an_address_of_redis_may_have_a_user_or_be_a_socket(loaded: Loader, url: str) -> None:
    assert loaded(ROLLCALL__REDIS__URL=url).redis.url == url


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://x.example", "https://x.example"),
        ("https://x.example/", "https://x.example"),
        ("https://x.example//", "https://x.example"),
        ("https://x.example/Main", "https://x.example"),
        ("https://x.example/main/", "https://x.example"),
        ("https://x.example/Main/api", "https://x.example"),
        ("https://x.example/MAIN/API/", "https://x.example"),
        ("https://x.example/api", "https://x.example"),
        ("https://x.example/Api//", "https://x.example"),
        ("https://x.example:8443/abbey/Main/api", "https://x.example:8443/abbey"),
        ("https://main/api", "https://main"),
        ("https://api", "https://api"),
        ("https://x.example/api/main", "https://x.example/api"),
        ("https://x.example/domain", "https://x.example/domain"),
        ("https://x.example/myapi", "https://x.example/myapi"),
        ("https://x.example/api/v2", "https://x.example/api/v2"),
    ],
)
def test_a_base_url_is_the_address_before_main_and_api(loaded: Loader, given: str, taken: str) -> None:
    assert isams(loaded(ROLLCALL__SCHOOLS__ABBEY__BASE_URL=given)).base_url == taken


@pytest.mark.parametrize("slug", ["a", "7", "a" + "-" * 62, "northern-uni-2"])
def test_a_slug_of_the_widest_form_is_taken(loaded: Loader, slug: str) -> None:
    assert loaded(FILE.replace("[schools.northern-uni]", f"[schools.{slug}]")).schools_of("abbey") == sorted(
        ["abbey", slug]
    )


def test_the_schools_of_a_tenant_are_told(loaded: Loader) -> None:
    assert loaded().schools_of("abbey") == ["abbey", "northern-uni"]
    assert loaded().schools_of("another") == []


def test_protected_people_are_whole_records_as_in_the_body(loaded: Loader, tmp_path: Path) -> None:
    student = '{"firstName": "Jo", "lastName": "Doe", "year": null, "email": "jo@x.example", "programmeCodes": []}'
    staff = '{"firstName": "Al", "lastName": "Oak", "email": "al@x.example", "metadata": {"campus": "Main"}}'
    (tmp_path / "protected.json").write_text(f'{{"students": [{student}], "staff": [{staff}]}}')
    tenant = loaded(ROLLCALL__TENANTS__ABBEY__PROTECTED="protected.json").tenants["abbey"]
    assert tenant.protected.students[0].body() == {
        "firstName": "Jo",
        "lastName": "Doe",
        "email": "jo@x.example",
        "year": None,
        "programmeCodes": [],
    }
    assert tenant.protected.staff[0].body()["metadata"] == {"campus": "Main"}
    assert "jo@x.example" not in repr(tenant)


def test_certificates_are_files_beside_the_configuration(loaded: Loader, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert isams(loaded(ROLLCALL__SCHOOLS__ABBEY__CA_FILE="ca.pem")).ca_file == tmp_path / "ca.pem"


# --- what holds of the whole -----------------------------------------------------------------------------------------


def test_nothing_can_be_changed_afterwards(loaded: Loader) -> None:
    config = loaded()
    for section, name in (
        (config.kafka, "partitions"),
        (config.schools["abbey"].guard.move, "share"),
        (config, "kafka"),
    ):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, name, 1)


def test_a_secret_is_in_no_repr_and_no_dump(loaded: Loader) -> None:
    config = loaded(ROLLCALL__KAFKA__SASL_PASSWORD="kafka-secret", ROLLCALL__REDIS__PASSWORD="redis-secret")
    assert config.kafka.sasl_password == SecretStr("kafka-secret")
    for shown in (repr(config), str(config), str(config.model_dump()), config.model_dump_json()):
        assert not [secret for secret in (*SECRETS.values(), "kafka-secret", "redis-secret") if secret in shown]


DECIDES: dict[str, object] = {
    "time_zone": "Asia/Tokyo",
    "academic_year_starts": "08-01",
    "rollover_days_before": 1,
    "rollover_days_after": 1,
    "absence_confirm_minutes": 1.0,
    "guard": Guard(move=Move(share=Fraction(21, 100))),
    "first_name": "legal",
    "prospective_system_statuses": (0, 2),
    "prospective_admission_statuses": ("Accepted",),
    "leaving_year_names": "end",
    "system_status_words": {"Current": 1, "Left": -1},
    "modules": "set",
    "year_from_nc_year": {7: 2},
    "key": "id",
    "absence": "unexplained",
}
PACES: dict[str, object] = {
    "id_prefix": "A-",
    "staff_id_prefix": "S-",
    "code_prefix": "A-",
    "tenant": "other",
    "base_url": "https://elsewhere.example",
    "client_id": "x",
    "plain_http": True,
    "proxy": "http://p.example",
    "client_secret": SecretStr("x"),
    "api_key": SecretStr("x"),
    "token_path": "/x",
    "token_scope": "x",
    "ca_file": Path("x"),
    "poll_seconds": 1,
    "staff_poll_seconds": 1,
    "full_sweep_hours": 1.0,
    "structure_hours": 1.0,
    "lists_hours": 2.0,
    "page_size": 1,
    "max_requests_per_hour": 1,
    "timeout_seconds": 1.0,
    "lease_seconds": 1.0,
    "gradebooks_path": "/x/{schoolId}",
    "transcript_hours": 1.0,
    "fresh_hours": 1.0,
}


@pytest.mark.parametrize("slug", ["abbey", "northern-uni"])
def test_the_settings_version_changes_with_what_decides_and_with_nothing_else(loaded: Loader, slug: str) -> None:
    school = loaded().schools[slug]
    for name in set(type(school).model_fields) - {"source"}:  # another source is another class, with other settings
        changed = school.model_copy(update={name: (DECIDES | PACES)[name]})
        assert getattr(changed, name) != getattr(school, name), name
        assert (changed.settings_version != school.settings_version) == (name in DECIDES), name


def test_the_settings_version_is_the_same_for_the_same_settings_written_otherwise(loaded: Loader) -> None:
    extra = (
        ("prospective_system_statuses = [2, 0]\nyear_from_nc_year = { 7 = 1, 8 = 2 }", "0.5"),
        ("prospective_system_statuses = [0, 2, 0]\nyear_from_nc_year = { 8 = 2, 7 = 1 }", "0.50"),
    )
    texts = (FILE.replace("client_id", f"guard.move.share = {share}\n{lines}\nclient_id") for lines, share in extra)
    assert len({loaded(text).schools["abbey"].settings_version for text in texts}) == 1


def test_the_settings_version_outlives_a_release(loaded: Loader) -> None:
    """A new version is a full sweep of every school: change this only with a setting."""
    assert loaded().schools["abbey"].settings_version == "b5f24ba1ce1d"
