"""
What a Redis says when it does not do what it is asked, by the code with which each such answer begins.

Some of it passes: a failover, a disk that is full. The rest needs a person: ``RedisRefused`` has the words.
"""

import re

from shared.errors import RollcallError

# Each with what it means, and what helps where it does not pass. The first ones are those of a server that is not, or
# not any more, the one to ask: the address may lead elsewhere by now.
ELSEWHERE = {
    "READONLY": "it is a replica and takes no writes; after a failover the address leads to the new primary, else name "
    "the primary in url under [redis]",
    "MASTERDOWN": "it is a replica that has lost its primary; name the primary in url under [redis]",
    "NOREPLICAS": "it has fewer replicas than its min-replicas-to-write and takes no writes; see that they run",
    "CLUSTERDOWN": "its cluster is down",
    "LOADING": "it is loading its data",
    "UNBLOCKED": "it has become a replica",
}
PASSING = ELSEWHERE | {
    "TRYAGAIN": "its cluster is moving keys",
    "BUSY": "a script holds it; if it does not end, `redis-cli SCRIPT KILL` ends it",
    "MISCONF": "it cannot save to its disk and takes no writes; see its log, and make room on the disk",
    "OOM": "its memory is full; raise its maxmemory",
}
_CLUSTER = "it is one node of a Redis Cluster, where each node has a part of the keys; name a Redis that has all in url"
LASTING = {
    "NOPERM": "its user may not do this; allow it every command but the dangerous, and INFO, on the keys of "
    "key_prefix under [redis]: +@all -@dangerous +info ~<key_prefix>*",
    "NOAUTH": "it wants a password; set password under [redis]",
    "WRONGPASS": "it does not take this user and password; put right password under [redis], and the user in url",
    "NOUSER": "it does not take this user and password; put right password under [redis], and the user in url",
    "MOVED": f"{_CLUSTER} under [redis]",
    "ASK": f"{_CLUSTER} under [redis]",
    "CROSSSLOT": f"{_CLUSTER} under [redis]",
    "DENIED": "it takes no connections from other machines (protected mode); give it a password, or bind it",
    "WRONGTYPE": "another program writes keys of the same names; give Rollcall a key_prefix of its own under [redis]",
    "NOPROTO": "it does not speak the protocol; take Redis 6.2 or newer",
}
# Of those that begin with ERR, or with no code, what can be told from the words.
_SPELT = (
    (re.compile(r"unknown (sub)?command", re.I), "it does not have or not allow a command; take Redis 6.2 or newer"),
    (
        re.compile(r"DB index|invalid DB", re.I),
        "it has no database of that number; put right the end of url under [redis]",
    ),
    (re.compile(r"SELECT is not allowed in cluster", re.I), f"{_CLUSTER} under [redis]"),
    (
        re.compile(r"without any password configured|no password is set", re.I),
        "it has no password; take password out of [redis]",
    ),
    (re.compile(r"invalid password|invalid username-password", re.I), LASTING["WRONGPASS"]),
)
_CODE = re.compile(r"[A-Z]{2,}")
# An error inside of a script has the true code within, in Redis 6.2; so has a transaction that was dropped.
_WITHIN = re.compile(rf": -?({'|'.join(PASSING | LASTING)})\b")
_IN_A_PIPELINE = re.compile(r"^Command # \d+ \(.*\) of pipeline caused error: ", re.S)


class RedisRefused(RollcallError):
    """A Redis that answers, and will not do what is asked of it however often: a person must put something right."""


def code_of(status: str | None, text: str) -> str:
    """
    The code of an answer. ``status``: as the client found it, which cuts it off ``text``; None: it knew none.

    ``text`` may begin with the client's words about a pipeline, which have a part of the command: a name, an e-mail.
    """
    text = without_command(text)
    code = status or (found[0] if (found := _CODE.match(text)) else "")
    if code in ("ERR", "EXECABORT", "") and (within := _WITHIN.search(text)):
        return within[1]
    return code


def without_command(text: str) -> str:
    return _IN_A_PIPELINE.sub("", text)


def lasting(code: str, text: str) -> str | None:
    """What a person must put right; None where nothing of it is known."""
    return LASTING.get(code) or next((words for pattern, words in _SPELT if pattern.search(text)), None)
