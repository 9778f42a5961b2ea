"""What an older release has stored is read, and written again under the same names."""

import pytest

from shared.contract import account_state, tenant_state
from shared.contract.codec import decoder, encode
from shared.contract.model import Frozen

EVIDENCE = b'{"kind":"record","ref":"9f","at":4}'
STORED = [
    (
        account_state.AccountState,
        b'{"school":"abbey","student_id":"7","at":5,"version":4,"status":"disabled","evidence":' + EVIDENCE + b","
        b'"staged":{"digest":"9f","at":3},"unenrol":{"modules":["M"],"at":3},'
        b'"update":{"fields":["phone"],"columns":[],"at":2},"twin":"8"}',
    ),
    (
        account_state.SchoolState,
        b'{"school":"abbey","at":9,"open":{"sweep":"s2","started_at":"2026","full":true,"at":8},'
        b'"certified":{"sweep":"s1","started_at":"2026","completed_at":"2026","at":7},"full_at":7}',
    ),
    (account_state.StructureState, b'{"school":"abbey","at":6,"structure":{}}'),
    (account_state.LaneState, b'{"lane":3,"position":12,"rebuilt_at":11}'),
    (
        tenant_state.TenantState,
        b'{"tenant":"abbey","adoption":{"at":"2026","bound":"b","roster_hash":"r","roster_count":1,"disabled_count":0,'
        b'"schools":["abbey"],"staff":false,"url":"u"},"accepted":{"number":1,"at":"2026","roster_hash":"r","digest":"d"},'
        b'"intent":{"number":2,"at":"2026","ends_at":"2026","roster_hash":"r","digest":"d"},'
        b'"simulated":{"at":"2026","digest":"d"},'
        b'"refusal":{"digest":"d","at":"2026","status":400,"message":"no"}}',
    ),
]


@pytest.mark.parametrize(("model", "stored"), STORED, ids=[model.__name__ for model, _ in STORED])
def test_a_state_of_an_older_release_is_read_and_written_as_it_was(model: type[Frozen], stored: bytes) -> None:
    assert encode(decoder(model).decode(stored)) == stored
