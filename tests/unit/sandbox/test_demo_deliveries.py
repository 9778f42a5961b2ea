"""Our report of a delivery beside Unitu's own: the same deeds, or each that differs by name."""

from typing import Any

import pytest

from services.sandbox.demo.deliveries import disagreements
from shared.contract.deliveries import CodesChanged, FieldsUpdated, Report
from shared.contract.entities import NewEntity

OURS: dict[str, Any] = {
    "is_compared": True,
    "counts": {},
    "provisioned": ("s1@x",),
    "updated": (FieldsUpdated(email="s2@x", fields=("lastName",)),),
    "disabled": ("s3@x",),
    "enabled": ("s4@x",),
    "enrolled": (CodesChanged(email="s1@x", programmes=("Y10",)),),
    "unenrolled": (CodesChanged(email="s2@x", modules=("Y10-ART",)),),
    "entities": (NewEntity(list="modules", code="Y10-HIS", name="Rome", students=1),),
    "blocked": (CodesChanged(email="s1@x", modules=("Y10-HIS",)),),
}
THEIRS: dict[str, Any] = {
    "changes": [
        {"kind": "provision", "email": "S1@x", "what": "", "code": ""},
        {"kind": "enrol", "email": "s1@x", "what": "programmes", "code": "Y10"},
        {"kind": "enrol", "email": "s1@x", "what": "faculties", "code": "F"},
        {"kind": "update", "email": "s2@x", "what": "last_name", "code": ""},
        {"kind": "unenrol", "email": "s2@x", "what": "modules", "code": "Y10-ART"},
        {"kind": "disable", "email": "s3@x", "what": "", "code": ""},
        {"kind": "reenable", "email": "s4@x", "what": "", "code": ""},
    ],
    "report": {"new_entities": {"modules": ["Y10-HIS"]}, "blocked": {"programmes": {}, "modules": {"Y10-HIS": 1}}},
}


def test_the_same_deeds_agree() -> None:
    assert disagreements([Report(**OURS)], [THEIRS]) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"provisioned": ()}, "delivery 1: provision s1@x"),
        ({"blocked": ()}, "delivery 1: blocked Y10-HIS 1"),
        ({"entities": ()}, "delivery 1: not at Unitu modules Y10-HIS"),
        ({"updated": ()}, "delivery 1: update s2@x lastName"),
        ({"disabled": ("s3@x", "s5@x")}, "delivery 1: disable s5@x"),
    ],
)
def test_each_deed_that_differs_is_named(changes: dict[str, Any], told: str) -> None:
    assert disagreements([Report(**OURS | changes)], [THEIRS]) == [told]


def test_a_report_that_compares_nothing_is_not_asked_for_what_it_cannot_know() -> None:
    bare = OURS | {"is_compared": False, "updated": (), "enrolled": (), "unenrolled": ()}
    assert disagreements([Report(**bare)], [THEIRS]) == []
    assert disagreements([Report(**bare | {"blocked": ()})], [THEIRS]) == ["delivery 1: blocked Y10-HIS 1"]


def test_a_delivery_that_only_one_tells_of_is_a_difference() -> None:
    assert disagreements([], [THEIRS]) == ["0 deliveries were accepted, and Unitu tells of 1"]
