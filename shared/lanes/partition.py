"""Which lane a school's records share. Computed from the school alone, by every producer, in the same way."""

import zlib


def lane_of(school: str, partitions: int) -> int:
    """
    The partition number of a school, in every topic.

    CRC-32 of the slug, modulo the number of partitions: the client libraries' own partitioners disagree with each
    other, so every producer names the partition itself.
    """
    return zlib.crc32(school.encode()) % partitions
