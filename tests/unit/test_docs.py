"""README.md and docs/ tell what is there: tables, commands, links, names of tests and of points."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli.main import app
from services.cli.run import SERVICES, Name
from services.eligibility.rules import RULES
from services.eligibility.staff import STAFF_RULES
from shared.contract.topics import DAY_MS, TOPICS, Topic

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of a section's tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {at for at, line in enumerate(lines) if set(line) <= set("|- ")}
    lines = [line for at, line in enumerate(lines) if at not in heads and at + 1 not in heads]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def code(text: str) -> Iterator[str]:
    """Each line of a block, and each span."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from re.sub(r"\\\n\s*", "", block).splitlines()
    for span in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        yield " ".join(span.split())


# --- README ------------------------------------------------------------------------------------------------------


def test_the_readme_can_be_read_in_a_few_minutes() -> None:
    assert 400 <= len(README.split()) <= 900


def test_the_table_of_topics_is_that_of_the_code() -> None:
    told = [row[:3] for row in rows(section(README, "Topics"))]
    assert told == [[topic.name, topic.key, kept(topic)] for topic in TOPICS]
    assert all(topic.has_dead_letters for topic in TOPICS)


def kept(topic: Topic) -> str:
    return "newest per key" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} days"


def test_the_list_of_services_is_what_can_be_run() -> None:
    told = [row[0] for row in rows(section(README, "Services"))]
    assert told == list(SERVICES) == [name for name in Name if name is not Name.ALL]


@each_page
def test_every_target_of_make_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found[1] for line in code(page.read_text()) if (found := re.match(r"make (\w+)", line))}
    assert named <= targets


def test_the_demo_is_one_line_to_copy() -> None:
    lines = list(code(README))
    assert "make demo" in lines
    assert "python3 -m venv .venv && .venv/bin/pip install '.[embedded]' && .venv/bin/rollcall demo" in lines


# --- every page --------------------------------------------------------------------------------------------------


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files and headings of this repository; an address elsewhere is not tried."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@each_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    for line in code(page.read_text()):
        for words in re.findall(r"(?:^|[ /])rollcall ([^&|;#]+)", line):
            assert_command(words.split(), line)


def assert_command(words: list[str], line: str) -> None:
    """The verbs and the options; a word in capitals stands for an argument."""
    found: Any = typer.main.get_command(app)
    options = {"--config", "--help", "--version"}
    for word in words:
        if word.startswith("-"):
            option = word.partition("=")[0]
            options |= {name for param in getattr(found, "params", ()) for name in param.opts}
            assert option in options, f"{line}: {option}"
        elif hasattr(found, "get_command") and not word.isupper():
            found = found.get_command(None, word)
            assert found is not None, f"{line}: no verb {word}"


@each_page
def test_every_test_that_is_named_exists(page: Path) -> None:
    there = set(re.findall(r"^ *(?:async )?def (test_\w+)\(", all_tests(), re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", page.read_text())) <= there


def all_tests() -> str:
    return "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


def test_every_law_names_a_test() -> None:
    laws = (ROOT / "docs" / "laws.md").read_text().split("\n## ")[1:]
    assert laws
    for law in laws:
        assert "`test_" in law, law.split("\n")[0]
        assert "*The accident:*" in law, law.split("\n")[0]


# --- the design --------------------------------------------------------------------------------------------------

DESIGN = (ROOT / "docs" / "design.md").read_text()


def citations() -> set[tuple[str, str]]:
    """Each section that is cited, with the passage that is quoted of it, or an empty text."""
    paths = [path for name in ("services", "shared", "tests", "benchmarks") for path in (ROOT / name).rglob("*.py")]
    text = "\n".join(path.read_text() for path in [*PAGES, *paths])
    return set(re.findall(r"DESIGN §(\d+)(?:, \"([^\"]+)\")?", text))


def test_whatever_is_cited_of_the_design_is_there() -> None:
    """A citation of a section that is not there sends its reader nowhere."""
    sections = dict(re.findall(r"^## (\d+)\. (.+?)(?=^## |\Z)", DESIGN, re.MULTILINE | re.DOTALL))
    assert list(sections) == [str(number) for number in range(1, len(sections) + 1)]
    cited = citations()
    assert cited
    for number, quoted in cited:
        assert number in sections, f"DESIGN §{number}"
        words = " ".join(sections[number].split()).lower()
        assert quoted.lower() in words, f'DESIGN §{number}, "{quoted}"'


def test_every_law_has_its_place_in_the_design() -> None:
    """Once: who adds a law says in docs/design.md where it belongs."""
    laws = sorted(anchors(ROOT / "docs" / "laws.md") - {"the-laws"})
    assert sorted(re.findall(r"\]\(laws\.md#([^)]+)\)", DESIGN)) == laws


def test_the_named_points_are_those_of_the_code() -> None:
    pages = (ROOT / "docs" / "faults.md").read_text()
    assert sorted(row[0] for row in rows(pages)) == sorted(points())


def points() -> set[str]:
    """The names that ``at_point`` is given; one with a number in it stands for as many as there are groups."""
    trees = [ast.parse(path.read_text()) for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [call.args[0] for call in calls if called(call) == "at_point"]
    groups = [call.args[0] for call in calls if called(call) == "Effects" and call.args]
    most = max(len(group.elts) for group in groups if isinstance(group, ast.List))
    names = {word.value for word in given if isinstance(word, ast.Constant)}
    for word in given:
        if isinstance(word, ast.JoinedStr):
            start = "".join(str(part.value) for part in word.values if isinstance(part, ast.Constant))
            names |= {f"{start}{number}" for number in range(most)}
    return {str(name) for name in names}


def called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name == "decisions"], ids=lambda page: page.stem
)
def test_a_decision_has_its_number_its_date_and_what_was_tried(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert re.match(r"# .+\n\n20\d\d-\d\d-\d\d\n", text)
    assert "**Tried.**" in text


# --- the rules ---------------------------------------------------------------------------------------------------


def test_the_table_of_rules_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "rules.md").read_text()
    told = [row[:3] for row in rows(section(text, "Then each rule"))]
    assert told == [[rule.id, rule.message, rule.decides] for rule in RULES]
    of_staff = [row[:3] for row in rows(section(text, "Staff"))]
    assert of_staff[-len(STAFF_RULES) :] == [[rule.id, rule.message, rule.decides] for rule in STAFF_RULES]
