"""What can happen to the data in Redis, while services run on it: an older copy, nothing at all, one key less."""

from typing import Any

import redis

# KEYS: none. ARGV: what the keys begin with. One script, so that it is one instant.
_TAKE = """
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local left = redis.call('PTTL', key)
  table.insert(found, {key, math.max(left, 0), redis.call('DUMP', key)})
end
return found
"""

# ARGV: what the keys begin with, then of each key its name, the time that it has left, and its contents.
_PUT_BACK = """
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end
for a = 2, #ARGV, 3 do redis.call('RESTORE', ARGV[a], ARGV[a + 1], ARGV[a + 2]) end
return (#ARGV - 1) / 3
"""

Copy = list[list[Any]]


class Copies:
    """The keys of one test: those that begin with its prefix. Each call is one instant, for everybody."""

    def __init__(self, url: str, prefix: str) -> None:
        self._client: Any = redis.Redis.from_url(url)
        self._prefix = prefix

    def take(self) -> Copy:
        """A copy of everything as it is now."""
        return list(self._client.eval(_TAKE, 0, self._prefix))

    def put_back(self, copy: Copy) -> None:
        """Everything is again as it was then: what came since is gone, as after a restore."""
        self._client.eval(_PUT_BACK, 0, self._prefix, *(part for one in copy for part in one))

    def empty(self) -> None:
        self.put_back([])

    def keys(self, part: str = "") -> list[str]:
        """The names, without the prefix, of the keys that have ``part`` in them."""
        names = [key.decode().removeprefix(self._prefix) for key in self._client.keys(f"{self._prefix}*")]
        return sorted(name for name in names if part in name)

    def delete(self, name: str) -> None:
        """Raises: AssertionError when there is no such key: nothing would be tried."""
        assert self._client.delete(f"{self._prefix}{name}") == 1, f"no key {name}: there are {self.keys()}"

    def close(self) -> None:
        self._client.close()
