"""The proof that a sweep was complete, of what was read of it. Pure."""

from collections.abc import Collection, Mapping, Sequence

from shared.contract.codec import content_sum, roll_hash
from shared.contract.events import Certificate, EndpointRead


def certify(endpoints: Sequence[EndpointRead], digests: Mapping[str, str], areas: Collection[str]) -> Certificate:
    """``digests``: of the roll, hexadecimal by id; ``endpoints``: the roll's first, then those of the areas."""
    return Certificate(
        roll_hash=roll_hash(digests.keys()),
        roll_count=len(digests),
        content_sum=content_sum(digests),
        endpoints=tuple(endpoints),
        areas=tuple(sorted(areas)),
    )
