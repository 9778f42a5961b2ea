"""Names as steps of JSON pointers (RFC 6901). Pure."""

LONGEST = 200  # characters of a name that are told: answers and receipts are kept, and a name may be a megabyte


def escape(name: str) -> str:
    """A name as one step; of a very long one only how it begins."""
    if len(name) > LONGEST:
        name = f"{name[:LONGEST]}…"
    return name.replace("~", "~0").replace("/", "~1")
