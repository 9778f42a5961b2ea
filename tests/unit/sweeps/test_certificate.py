"""What a certificate proves, of what was read."""

from shared.contract.codec import content_sum, roll_hash
from shared.contract.events import EndpointRead
from shared.sweeps.certificate import certify

STUDENTS = EndpointRead(path="/api/students", pages=2, declared=2, received=2)


def test_a_certificate_covers_roll_and_content() -> None:
    digests = {"2": "bb" * 16, "1": "aa" * 16}
    found = certify([STUDENTS], digests, {"students", "sets"})
    assert found.roll_hash == roll_hash(["1", "2"])
    assert found.content_sum == content_sum(digests)
    assert found.roll_count == 2
    assert found.areas == ("sets", "students")
    assert found.endpoints == (STUDENTS,)
