"""
The settings of everything that runs, as one frozen tree. ``shared.config.load.load`` reads it.

Units sit in the names. A waiting time may be 0. docs/configuration.md tells each setting; a test compares the two.
"""

import hashlib
import json
from fractions import Fraction
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator

from shared.config.protected import Protected, ProtectedFile
from shared.config.values import (
    AcceptanceText,
    BaseUrl,
    ExistingFile,
    Folder,
    Listen,
    Mark,
    MonthDay,
    Number,
    PositiveNumber,
    PositiveWhole,
    Prefix,
    RedisUrl,
    RolloverDays,
    Secret,
    SentSecret,
    Servers,
    Share,
    SigningKey,
    Slug,
    StudentPath,
    Text,
    Texts,
    TimeZone,
    Url,
    UrlPath,
    Whole,
    Wholes,
    WordNumbers,
    YearMap,
    split_address,
)
from shared.contract.populations import KINDS, book_of


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Kafka(Section):
    bootstrap_servers: Servers = "127.0.0.1:9092"
    partitions: PositiveWhole = 12  # lanes; fixed for the topics' life
    replication_factor: PositiveWhole = 1
    create_topics: bool = False  # on start, those that are not there
    topic_prefix: Prefix = ""  # of every topic's name
    group_prefix: Prefix = ""  # of every consumer group's name
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(None, validate_default=True)
    sasl_username: Text | None = Field(None, validate_default=True)
    sasl_password: Secret | None = Field(None, validate_default=True)
    ssl_ca_file: ExistingFile | None = None
    batch_records: PositiveWhole = 5000  # at most in one step, of all lanes
    poll_seconds: Number = 0.01  # how long a batch waits for its first record

    @field_validator("sasl_mechanism", "sasl_username", "sasl_password")
    @classmethod
    def _is_there_for_sasl(cls, value: object, info: ValidationInfo) -> object:
        protocol = info.data.get("security_protocol", "")
        if value is None and protocol.startswith("SASL_"):
            raise ValueError(f'is missing; security_protocol = "{protocol}" needs it')
        return value


class Redis(Section):
    url: RedisUrl = "redis://127.0.0.1:6379/0"
    password: Secret | None = None  # never in the address
    key_prefix: Prefix = ""  # of every key's name


class Listener(Section):
    listen: Listen

    @property
    def host(self) -> str:
        return split_address(self.listen)[0]

    @property
    def port(self) -> int:
        return split_address(self.listen)[1]


class Gateway(Listener):
    listen: Listen = "127.0.0.1:8080"
    max_body_bytes: PositiveWhole = 256 * 1024 * 1024
    max_records: PositiveWhole = 250_000  # of all lists of a body together
    max_connections: PositiveWhole = 500  # at once; the silent give way to whoever comes
    max_connections_per_address: PositiveWhole = 100  # of them; a proxy in front is one address


class Fetcher(Section):
    concurrency: PositiveWhole = 8  # schools that one fetcher reads at once
    photos_folder: Folder | None = None  # photos by content hash; none are fetched without it


class Logging(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Poison(Section):
    """When so much cannot be read that a service stops: its own release is likelier at fault than every sender."""

    share: Share = Fraction(1, 2)  # of what came lately, each school counted alike; 1 never stops
    records: PositiveWhole = 1000  # of each school count, the last ones
    minimum: PositiveWhole = 100  # a school that sent fewer counts as if the rest had been sound


class Operators(Section):
    """Whose commands count: the hold that is released, the roll that is accepted, the school that is paused."""

    key: SigningKey | None = None  # without it no command counts
    max_age_minutes: PositiveNumber = 15.0  # between its signature and Kafka's taking it: older ones are repetitions
    two_people_above: Whole | None = None  # a release of more people than this needs two operators


LEASE_MARGIN_SECONDS = 10.0  # an intent is written and read again before its POST, by Kafka


class Tenant(Section):
    """One Unitu API key."""

    url: Url = "https://api.unitu.io/v1/sync"
    api_key: SentSecret
    mode: Literal["live", "dry-run", "paused"] = "dry-run"
    staff: Literal["managed", "not-in-unitu"] | None = Field(None, validate_default=True)
    email_change: Literal["hold", "send"] = "hold"
    quiet_seconds: Number = 2.0  # wait for this much silence before a snapshot
    max_delay_seconds: Number = 15.0  # but never longer than this
    min_interval_seconds: Number = 300.0  # after an accepted snapshot
    resend_hours: Number = 24.0  # the newest snapshot goes again, even if identical
    resend_after_change_seconds: Number = 3600.0
    max_gap_days: Number = 7.0  # after so long without an accepted snapshot a person must say yes again
    retry_max_seconds: Number = 300.0  # the longest wait between two tries
    acceptance_text: AcceptanceText = ""  # how Unitu's yes reads where it is no JSON object
    plain_http: bool = False  # http to another machine: key and pupils go in clear
    proxy: Url | None = None  # on the way there; the environment's are not looked at
    timeout_seconds: PositiveNumber = 60.0  # of one POST, in all
    lease_seconds: PositiveNumber = Field(90.0, validate_default=True)
    protected: ProtectedFile = Field(Protected(), repr=False)  # people: in no log line

    @field_validator("staff")
    @classmethod
    def _is_decided_before_going_live(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("mode") == "live":
            raise ValueError('is missing; mode = "live" needs staff = "managed" or staff = "not-in-unitu"')
        return value

    @field_validator("lease_seconds")
    @classmethod
    def _outlasts_a_post(cls, value: float, info: ValidationInfo) -> float:
        timeout = info.data.get("timeout_seconds", 0.0)
        least = timeout + min(LEASE_MARGIN_SECONDS, timeout / 2)
        if value < least:
            raise ValueError(
                f"must be at least {least:g}, {least - timeout:g} more than timeout_seconds: an intent is written"
                " before a POST, and whoever takes over waits both out"
            )
        return value

    @field_validator("protected")
    @classmethod
    def _has_a_place_in_the_body(cls, value: Protected, info: ValidationInfo) -> Protected:
        if value.staff and info.data.get("staff") == "not-in-unitu":
            raise ValueError('its file lists staff; staff = "not-in-unitu" sends none: take them out, or say "managed"')
        return value


class Budget(Section):
    """What a plan may have without a person's release; shares are exact fractions."""

    share: Share


class DisableExplained(Budget):
    floor: Whole = 5
    share: Share = Fraction(30, 100)
    count: Whole = 200


class DisableUnexplained(Budget):
    floor: Whole = 2
    share: Share = Fraction(2, 100)


class DisableAbsent(Budget):
    floor: Whole = 5
    share: Share = Fraction(5, 100)


class Cohort(Budget):
    heads: PositiveWhole = 10  # a year group of so many or more
    share: Share = Fraction(30, 100)


class Unenrol(Budget):
    floor: Whole = 5
    share: Share = Fraction(20, 100)


class Move(Budget):
    share: Share = Fraction(20, 100)


class Create(Budget):
    floor: Whole = 20
    share: Share = Fraction(30, 100)


class Enable(Budget):
    floor: Whole = 5
    share: Share = Fraction(10, 100)


class Update(Budget):
    floor: Whole = 20
    share: Share = Fraction(50, 100)


class EmailChange(Budget):
    floor: Whole = 5
    share: Share = Fraction(5, 100)


class Guard(Section):
    disable_explained: DisableExplained = DisableExplained()
    disable_unexplained: DisableUnexplained = DisableUnexplained()
    disable_absent: DisableAbsent = DisableAbsent()
    cohort: Cohort = Cohort()
    unenrol: Unenrol = Unenrol()
    move: Move = Move()
    create: Create = Create()
    enable: Enable = Enable()
    email_change: EmailChange = EmailChange()
    update: Update = Update()


class School(Section):
    """One record system: what both ways in have in common."""

    INDIFFERENT: ClassVar[frozenset[str]] = frozenset(  # settings that decide no verdict and no removal
        {"tenant", "id_prefix", "staff_id_prefix", "code_prefix"}
    )

    tenant: Text
    source: Literal["isams", "push"]
    time_zone: TimeZone = "Europe/London"
    academic_year_starts: MonthDay = "09-01"
    rollover_days_before: RolloverDays = 2  # moves are unlimited, and unexplained removals pause, from so long before
    rollover_days_after: RolloverDays = 14  # the academic year's first day until so long after
    absence_confirm_minutes: Number = 60.0  # between the starts of the two sweeps that an unexplained absence needs
    id_prefix: Mark = ""  # of a student's id at Unitu, where two of the tenant's schools have the same ones
    staff_id_prefix: Mark = ""  # of a member of staff's
    code_prefix: Mark = ""  # of the school's codes there
    guard: Guard = Guard()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def academic_year_start(self) -> tuple[int, int]:
        """Month and day."""
        month, day = self.academic_year_starts.split("-")
        return int(month), int(day)

    @property
    def settings_version(self) -> str:
        """The same for the same verdicts and removals: addresses, secrets and pacing do not count."""
        decisive = self.model_dump(mode="json", exclude=set(self.INDIFFERENT))
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]


class IsamsSchool(School):
    INDIFFERENT: ClassVar[frozenset[str]] = School.INDIFFERENT | {
        "lists_hours",
        "base_url",
        "client_id",
        "client_secret",
        "token_path",
        "token_scope",
        "ca_file",
        "proxy",
        "plain_http",
        "poll_seconds",
        "staff_poll_seconds",
        "full_sweep_hours",
        "structure_hours",
        "max_requests_per_hour",
        "page_size",
        "timeout_seconds",
        "lease_seconds",
        "gradebooks_path",
        "transcript_hours",
    }

    base_url: BaseUrl
    client_id: Text
    client_secret: SentSecret
    token_path: UrlPath = "/auth/connect/token"  # noqa: S105 - an address
    token_scope: str = "restapi"  # noqa: S105 - a word; "" asks for none
    ca_file: ExistingFile | None = None
    plain_http: bool = False  # http to another machine: secret and pupils go in clear
    proxy: Url | None = None
    poll_seconds: PositiveWhole = 300
    staff_poll_seconds: PositiveWhole = 3600  # where the tenant's staff are managed
    full_sweep_hours: Number = 24.0
    structure_hours: Number = 6.0  # structure, sets and contacts; 0 reads them in every sweep
    lists_hours: Number = 1.0  # applicants and leavers
    max_requests_per_hour: PositiveWhole = 2000
    page_size: PositiveWhole = 1000  # asked for; what the envelope says counts
    timeout_seconds: PositiveNumber = 30.0  # of one request
    lease_seconds: PositiveNumber = 120.0  # of a sweep; renewed while it runs
    gradebooks_path: StudentPath | None = None  # of one student's; nobody outside knows the vendor's
    transcript_hours: Number = 24.0  # between two readings of a student's gradebooks
    first_name: Literal["preferred", "legal"] = "preferred"
    prospective_system_statuses: Wholes = (0,)
    prospective_admission_statuses: Texts = ("Accepted", "Offer made")
    leaving_year_names: Literal["start", "end"] = "start"  # of the academic year
    system_status_words: WordNumbers = {"Current": 1}  # beside what /systemstatuses says
    modules: Literal["subject", "set"] = "subject"
    year_from_nc_year: YearMap = {7: 1, 8: 2, 9: 3, 10: 4, 11: 5, 12: 6, 13: 7}


class PushSchool(School):
    INDIFFERENT: ClassVar[frozenset[str]] = School.INDIFFERENT | {"api_key", "fresh_hours"}

    api_key: SentSecret  # what the sender puts in API_KEY: it names the school
    key: Literal["email", "id"] = "email"  # of somebody new; whoever is known keeps theirs
    absence: Literal["left", "unexplained"] = "left"  # what it means not to be in an accepted body
    fresh_hours: Number = 26.0  # how long a body may be sent on: one a day, and two hours more


def source_of(school: object) -> str:
    """Which kind a school is read as. A faulty ``source`` is guessed, so that its other faults are told too."""
    if isinstance(school, School):
        return school.source
    if not isinstance(school, dict):
        return "isams"
    source = school.get("source")
    if source in ("isams", "push"):
        return str(source)
    return "isams" if "base_url" in school or "api_key" not in school else "push"


AnySchool = Annotated[
    Annotated[IsamsSchool, Tag("isams")] | Annotated[PushSchool, Tag("push")], Discriminator(source_of)
]


class Config(Section):
    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    gateway: Gateway = Gateway()
    fetcher: Fetcher = Fetcher()
    logging: Logging = Logging()
    poison: Poison = Poison()
    operators: Operators = Operators()
    tenants: dict[Slug, Tenant] = {}
    schools: dict[Slug, AnySchool] = {}

    def has_staff(self, school: str) -> bool:
        """Whether the school's staff are read and told: its tenant has them managed."""
        return self.tenants[self.schools[school].tenant].staff == "managed"

    def books_of(self, school: str) -> list[str]:
        """What is read of a school: its students, and its staff where they are managed."""
        return [book_of(school, kind) for kind in (KINDS if self.has_staff(school) else KINDS[:1])]

    @property
    def pushed(self) -> frozenset[str]:
        """The schools whose records are pushed to the gateway."""
        return frozenset(slug for slug, school in self.schools.items() if isinstance(school, PushSchool))

    def schools_of(self, tenant: str) -> list[str]:
        """The slugs, sorted."""
        return sorted(slug for slug, school in self.schools.items() if school.tenant == tenant)
