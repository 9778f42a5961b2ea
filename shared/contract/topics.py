"""The registry of topics: what each carries, who writes and reads it, and how long it is kept (DESIGN §3)."""

from dataclasses import dataclass

from shared.contract.limits import MAX_MESSAGE_BYTES

DAY_MS = 86_400_000
DEAD_LETTERS = "-dlq"  # how their topics' names end


@dataclass(frozen=True)
class Topic:
    """
    One topic. ``retention_ms`` None means compacted: the newest record of each key is kept for good. ``consumers`` and
    ``producers`` are all who read or write it, outside of a consumer group too, and ``dead_letter_producers`` who set
    its unreadable records aside: the rights that a cluster must give are told by them (``shared.kafka.rights``).
    """

    name: str
    key: str
    events: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    retention_ms: int | None
    dead_letter_producers: tuple[str, ...] = ()
    has_dead_letters: bool = True

    @property
    def dead_letters(self) -> str:
        return f"{self.name}{DEAD_LETTERS}"

    @property
    def config(self) -> dict[str, str]:
        """
        The broker's settings for this topic. 16 MiB: a large school's structure is one record. Each record bears the
        time at which the broker took it: a producer's clock neither decides nor ends a record's days.
        """
        common = {"max.message.bytes": str(MAX_MESSAGE_BYTES), "message.timestamp.type": "LogAppendTime"}
        if self.retention_ms is None:
            return common | {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2", "segment.ms": str(DAY_MS)}
        return common | {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


SYNC_REQUESTS = "sync-requests"
STUDENTS_FETCHED = "students-fetched"
STUDENTS_ASSESSED = "students-assessed"
ACCOUNT_CHANGES = "account-changes"
ACCOUNT_STATE = "account-state"
PROFILES_FETCHED = "profiles-fetched"
OPERATOR_COMMANDS = "operator-commands"
TENANT_STATE = "tenant-state"
DELIVERIES = "deliveries"

_SWEEP = ("SweepStarted", "StructureFetched", "RollRead", "SweepCompleted", "SweepFailed")
_COMMANDS = ("ReleaseHold", "RefuseHold", "PauseSchool", "ResumeSchool", "AcceptRoll", "ForgetStudent")

TOPICS: tuple[Topic, ...] = (
    Topic(
        SYNC_REQUESTS,
        "school",
        ("SyncRequested", "SyncAnswered"),
        ("cli", "reconciler", "publisher", "fetcher"),
        ("fetcher", "cli"),
        7 * DAY_MS,
        dead_letter_producers=("fetcher",),
    ),
    Topic(
        STUDENTS_FETCHED,
        "school/student, or school",
        (*_SWEEP, "StudentFetched", "StaffFetched"),
        ("fetcher", "gateway"),
        ("eligibility", "cli"),
        14 * DAY_MS,
        dead_letter_producers=("eligibility",),
    ),
    Topic(
        STUDENTS_ASSESSED,
        "school/student, or school",
        (*_SWEEP, "StudentAssessed", "StaffAssessed", *_COMMANDS),
        ("eligibility",),
        ("reconciler", "cli"),
        14 * DAY_MS,
        dead_letter_producers=("reconciler",),
    ),
    Topic(
        ACCOUNT_CHANGES,
        "school/student, or school",
        (
            "SweepReconciled",
            "AccountProvisioned",
            "AccountUpdated",
            "AccountDisabled",
            "AccountEnabled",
            "ProgrammeEnrolled",
            "ProgrammeUnenrolled",
            "ModuleEnrolled",
            "ModuleUnenrolled",
            "StructureChanged",
            "RemovalsHeld",
            "RemovalHeld",
            "HoldReleased",
            "HoldRefused",
        ),
        ("reconciler",),
        ("gateway", "cli"),
        30 * DAY_MS,
    ),
    Topic(
        ACCOUNT_STATE,
        "school/student, school, school//structure, or lane",
        ("AccountState", "SchoolState", "StructureState", "LaneState"),
        ("reconciler", "cli"),
        ("reconciler", "publisher", "gateway", "cli"),
        None,
        dead_letter_producers=("publisher",),
    ),
    Topic(
        PROFILES_FETCHED,
        "school/student/area",
        ("ProfileFetched", "PhotoFetched", "TranscriptFetched"),
        ("fetcher",),
        ("cli",),
        None,
    ),
    Topic(
        OPERATOR_COMMANDS,
        "school",
        _COMMANDS,
        ("cli",),
        ("eligibility", "fetcher"),
        90 * DAY_MS,
        dead_letter_producers=("eligibility",),
    ),
    Topic(TENANT_STATE, "tenant", ("TenantState",), ("publisher", "cli"), ("publisher", "cli"), None),
    Topic(
        DELIVERIES,
        "tenant",
        ("SnapshotAccepted", "SnapshotRejected", "SnapshotRetried", "SnapshotSimulated", "SnapshotHeld"),
        ("publisher",),
        ("gateway", "cli"),
        90 * DAY_MS,
    ),
)

BY_NAME = {topic.name: topic for topic in TOPICS}
