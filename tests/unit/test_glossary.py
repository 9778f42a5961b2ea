"""Words of the domain that name modules are explained in docs/how-it-works.md, and no meaning outlives its word."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLAIN = {  # words that mean here what they mean anywhere
    *("academic", "address", "admin", "ambiguity", "and", "announce", "answer", "app", "append", "ask", "assess"),
    *("assessed", "assignment", "attempt", "batch", "cache", "canonical", "certified", "changed", "check", "client"),
    *("clock", "cluster", "code", "codec", "column", "command", "complaint", "concern", "config", "connection"),
    *(
        "consumer",
        "context",
        "contract",
        "cost",
        "curriculum",
        "dead",
        "decide",
        "decision",
        "deliver",
        "detail",
        "due",
    ),
    *("email", "employee", "emptied", "entry", "environment", "error", "escaping", "event", "explain", "exposure"),
    *("fact", "failing", "fault", "fenced", "fetched", "fetcher", "field", "file", "finding", "first", "follow"),
    *("freshness", "gateway", "gradebook", "handler", "hash", "history", "holding", "hourly", "http", "id", "identity"),
    *("isams", "json", "judge", "kafka", "keeping", "key", "last", "leaving", "letter", "limit", "list", "listing"),
    *("live", "load", "log", "lookup", "loop", "machine", "memory", "merge", "message", "model", "move", "name", "not"),
    *("notice", "now", "order", "outline", "ownership", "page", "parse", "partition", "pending", "people", "person"),
    *("photo", "piece", "pointer", "pool", "port", "preview", "probe", "problem", "progress", "protected", "publish"),
    *("publisher", "question", "queue", "rate", "read", "reader", "rebuild", "recall", "reconcile", "reconciler"),
    *("record", "redis", "refusal", "register", "rekeyed", "repeat", "repeated", "report", "request", "resolution"),
    *("result", "retelling", "retired", "reviewed", "right", "sample", "scalar", "scheduler", "secret", "server"),
    *(
        "service",
        "session",
        "setting",
        "shared",
        "shipped",
        "short",
        "signature",
        "size",
        "source",
        "staff",
        "standing",
    ),
    *("state", "status", "store", "struct", "student", "sync", "text", "time", "tolerant", "topic", "transcript"),
    *("unconfirmed", "unitu", "unprovisioned", "usage", "value", "view", "wanted", "warning", "watch", "web", "word"),
    *("work", "writer", "year"),
}


def singular(word: str) -> str:
    if word in ("isams", "redis", "status"):
        return word
    return re.sub(r"ies$", "y", word) if word.endswith("ies") else re.sub(r"(?<=sh|ss)es$|(?<=x)es$|(?<!s)s$", "", word)


def glossary() -> dict[str, str]:
    text = (ROOT / "docs" / "how-it-works.md").read_text()
    table = text.partition("| word | meaning |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", table.replace("|---|---|", ""), re.MULTILINE))


def modules() -> list[Path]:
    paths = [path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    homes = [path.relative_to(ROOT) for path in paths if path.name != "__init__.py"]
    return [path for path in homes if not {"sandbox", "cli"} & set(path.parts)]


def test_every_word_that_names_a_module_is_plain_or_explained() -> None:
    """Fails when a module is called by a word of its own that no reader can look up."""
    explained = {singular(part) for word in glossary() for part in re.split(r"[ -]", word)}
    used = {singular(word) for path in modules() for part in path.with_suffix("").parts for word in part.split("_")}
    assert used - explained - PLAIN == set()
    assert used >= PLAIN, f"named by no module any more: {sorted(PLAIN - used)}"
    assert explained & PLAIN <= {"dead", "letter", "due", "queue", "fenced", "hash"}, "explained, and so not plain"


def test_no_explained_word_is_gone_from_the_code() -> None:
    """Fails when a word was renamed and its old meaning stayed in the document."""
    code = "\n".join((ROOT / path).read_text().casefold() for path in modules())
    stems = {word: re.sub(r"[ -]", r"[ _-]?", re.sub(r"y$", "", word)) for word in glossary()}
    assert [word for word, stem in stems.items() if not re.search(stem, code)] == []


def test_the_words_stand_in_the_order_of_the_alphabet() -> None:
    words = list(glossary())
    assert words == sorted(words)
    assert len(words) > 60
