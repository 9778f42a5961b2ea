"""
What is told across topics: one model per event and version, and a module for each topic.

The value says what is true of the thing; what differs from one reading to the next (``read_at``, ``sweep``, ``cause``)
travels in headers. ``shared.contract.codec`` gives each model its lasting name and its bytes,
``shared.contract.account_state`` has the models of the compacted topics.
"""

from shared.contract.events.assessed import StaffAssessed as StaffAssessed
from shared.contract.events.assessed import StudentAssessed as StudentAssessed
from shared.contract.events.changes import AccountDisabled as AccountDisabled
from shared.contract.events.changes import AccountEnabled as AccountEnabled
from shared.contract.events.changes import AccountProvisioned as AccountProvisioned
from shared.contract.events.changes import AccountUpdated as AccountUpdated
from shared.contract.events.changes import ColumnDrop as ColumnDrop
from shared.contract.events.changes import Evidence as Evidence
from shared.contract.events.changes import GuardReport as GuardReport
from shared.contract.events.changes import HoldRefused as HoldRefused
from shared.contract.events.changes import HoldReleased as HoldReleased
from shared.contract.events.changes import ModuleEnrolled as ModuleEnrolled
from shared.contract.events.changes import ModuleUnenrolled as ModuleUnenrolled
from shared.contract.events.changes import ProgrammeEnrolled as ProgrammeEnrolled
from shared.contract.events.changes import ProgrammeUnenrolled as ProgrammeUnenrolled
from shared.contract.events.changes import RemovalHeld as RemovalHeld
from shared.contract.events.changes import RemovalsHeld as RemovalsHeld
from shared.contract.events.changes import StructureChanged as StructureChanged
from shared.contract.events.changes import SweepReconciled as SweepReconciled
from shared.contract.events.fetched import Absences as Absences
from shared.contract.events.fetched import Certificate as Certificate
from shared.contract.events.fetched import EndpointRead as EndpointRead
from shared.contract.events.fetched import RollRead as RollRead
from shared.contract.events.fetched import StaffFetched as StaffFetched
from shared.contract.events.fetched import StructureFetched as StructureFetched
from shared.contract.events.fetched import StudentFetched as StudentFetched
from shared.contract.events.fetched import SweepCompleted as SweepCompleted
from shared.contract.events.fetched import SweepFailed as SweepFailed
from shared.contract.events.fetched import SweepStarted as SweepStarted
from shared.contract.events.requests import SyncAnswered as SyncAnswered
from shared.contract.events.requests import SyncRequested as SyncRequested
