"""The examples of Unitu's own document, as a sender copies them (tests/data/README.md)."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
KEY = "{your API KEY}"  # what stands in the example


def annotated() -> bytes:
    return (DATA / "unitu-sync-annotated.txt").read_bytes()


@dataclass(frozen=True)
class CurlCommand:
    url: str
    method: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.content))


def curl_command() -> CurlCommand:
    """The command as a shell takes it apart."""
    text = (DATA / "unitu-sync-example.sh.txt").read_text().replace("\\\n", "")
    program, *words = shlex.split(text)
    assert program == "curl"
    options: dict[str, list[str]] = {}
    urls = []
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            options.setdefault(word, []).append(words.pop(0))
        else:
            urls.append(word)
    assert set(options) == {"-X", "-H", "-d"}
    headers = dict(header.split(": ", 1) for header in options["-H"])
    return CurlCommand(urls[0], options["-X"][0], headers, options["-d"][0].encode())
