"""Two spellings of one address are one address, and two addresses stay two."""

import pytest

from shared.config.addresses import canonical

UNITU = "https://api.unitu.io/v1/sync"


@pytest.mark.parametrize(
    "spelling",
    [
        UNITU,
        "https://API.unitu.io/v1/sync/",
        "HTTPS://api.Unitu.IO:443/v1/sync",
        "https://api.unitu.io./v1/sync",
        "https://api.unitu.io/v1/./x/../sync",
        "https://api.unitu.io/v1/%73ync#top",
        " https://api.unitu.io/v1/sync//",
    ],
)
def test_two_spellings_of_one_address_are_one(spelling: str) -> None:
    assert canonical(spelling) == UNITU
    assert canonical(canonical(spelling)) == UNITU


@pytest.mark.parametrize(
    "other",
    [
        "http://api.unitu.io/v1/sync",
        "https://api.unitu.io:8443/v1/sync",
        "https://api.unitu.io/v2/sync",
        "https://api.unitu.io/v1/Sync",
        "https://api.unitu.io/v1/sync?university=2",
        "https://api2.unitu.io/v1/sync",
        "https://api.unitu.io/v1%2Fsync",
    ],
)
def test_two_addresses_stay_two(other: str) -> None:
    assert canonical(other) != UNITU


def test_a_host_is_compared_in_its_ascii_form() -> None:
    assert canonical("http://Bücher.example") == canonical("http://xn--bcher-kva.example:80/")
    assert canonical("http://[::1]:80/x/") == "http://[::1]/x"


def test_what_is_no_address_is_refused_or_kept() -> None:
    with pytest.raises(ValueError, match=r"[Pp]ort"):
        canonical("http://x:port/")
    assert canonical(f"http://{'a' * 70}.example/") == f"http://{'a' * 70}.example"
