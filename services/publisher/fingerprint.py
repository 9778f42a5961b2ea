"""An API key as it can be shown and kept: another key has another fingerprint, and none leads back to its key."""

from functools import lru_cache
from hashlib import pbkdf2_hmac

from pydantic import SecretStr

ROUNDS = 50_000  # 20 ms: dear enough that a key which is a word is not found by trying words
BYTES = 8


def fingerprint_of(tenant: str, key: SecretStr) -> str:
    """Of one tenant: the same key elsewhere has another one."""
    return _of(tenant, key.get_secret_value())


@lru_cache(maxsize=1024)
def _of(tenant: str, key: str) -> str:
    return pbkdf2_hmac("sha256", key.encode(), f"rollcall tenant {tenant}".encode(), ROUNDS, BYTES).hex()
