"""A person's decisions about a tenant, from the command line, on a publisher in memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.cli import tenant as verbs
from services.publisher import app
from services.publisher.decisions import Desk
from services.publisher.refusals import refusal_in
from services.publisher.unitu import Outcome
from shared.config.load import load
from shared.config.settings import Config
from tests.unit.cli.words import Said, rollcall
from tests.unit.publisher.world import World, a_config, a_leaver, an_account


class Office:
    """An operator before a live tenant; ``person`` is at a terminal, a program is not."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World(a_config(folder))
        self.path = folder / "rollcall.toml"
        self._monkeypatch = monkeypatch

        @contextmanager
        def desk_parts(config: Config) -> Iterator[Desk]:
            yield self.world.desk

        monkeypatch.setattr(app, "DeskParts", desk_parts)
        monkeypatch.setattr(verbs, "login_name", lambda: "ann")

    def opens(self) -> None:
        self.world.tell_school(an_account("1", 5), an_account("2", 6))

    def say(self, *words: str) -> Said:
        return rollcall(self.path, *words)

    def answer(self, text: str, *words: str) -> Said:
        self._monkeypatch.setattr(verbs, "_is_at_terminal", lambda: True)
        return rollcall(self.path, *words, answer=f"{text}\n")

    def bound(self, *words: str) -> str:
        """The hash of what is shown."""
        told = json.loads(self.say("tenant", "adopt", "abbey", *words, "--json").out)
        return str(told["bound"])


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(tmp_path, monkeypatch)


def test_without_a_whole_roster_there_is_nothing_to_adopt(office: Office) -> None:
    said = office.say("tenant", "adopt", "abbey", "--without-accounts", "--yes", "0" * 12)
    assert said.code == 3
    assert "abbey: the view is being read anew" in said.err
    told = office.say("tenant", "adopt", "abbey", "--json")
    assert told.code == 3
    assert json.loads(told.err)["type"] == "urn:rollcall:problem:not-whole"


def test_a_roster_is_shown_before_it_is_adopted(office: Office, tmp_path: Path) -> None:
    office.opens()
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("email\ns1@abbey.example\nhead@abbey.example\n")
    words = ("tenant", "adopt", "abbey", "--accounts", str(accounts))
    said = office.say(*words)
    assert said.code == 1
    assert "head@abbey.example" in said.out
    assert '2 addresses in "email", 0 rows without one' in said.out
    hash = said.err.partition("--yes ")[2].strip()
    assert office.world.state.adoption is None
    yes = office.say(*words, "--yes", hash)
    assert yes.code == 0
    adoption = office.world.state.adoption
    assert adoption is not None
    assert (adoption.operator, adoption.disabled_count) == ("ann", 1)


@pytest.mark.parametrize("yes", ["", "0" * 12, "short"])
def test_a_yes_is_to_what_was_shown(office: Office, yes: str) -> None:
    office.opens()
    words = ("tenant", "adopt", "abbey", "--without-accounts")
    bound = office.bound("--without-accounts")
    said = office.say(*words, "--yes", yes or bound[:11])
    assert said.code == 1
    assert "look again" in said.err
    office.world.tell(an_account("3", 20))  # the roster is another one by now
    assert office.say(*words, "--yes", bound).code == 1
    assert office.world.state.adoption is None


def test_a_yes_without_a_hash_is_none(office: Office) -> None:
    office.opens()
    assert office.say("tenant", "adopt", "abbey", "--without-accounts", "--yes").code == 2
    assert office.say("tenant", "adopt", "abbey", "--without-accounts", "--yes", "--json").code == 1
    assert office.world.state.adoption is None


def test_what_was_warned_of_needs_a_word_of_its_own(office: Office, tmp_path: Path) -> None:
    office.opens()
    shown = office.say("tenant", "adopt", "abbey")
    assert "No list of Unitu's accounts was given" in shown.err
    assert "--without-accounts" in shown.err
    assert office.say("tenant", "adopt", "abbey", "--yes", office.bound()).code == 1
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("email\nold1@x\nold2@x\nold3@x\n")
    words = ("--accounts", str(accounts), "--accept", "list-meets-few")
    bound = office.bound(*words)
    refused = office.say("tenant", "adopt", "abbey", *words, "--yes", bound)
    assert refused.code == 1
    assert "3 of 3 accounts would be disabled: more than half (--accept most-would-go)" in refused.err
    assert office.world.state.adoption is None
    assert office.say("tenant", "adopt", "abbey", *words, "--accept", "most-would-go", "--yes", bound).code == 0
    adoption = office.world.state.adoption
    assert adoption is not None
    assert adoption.words == ("list-meets-few", "most-would-go")


def test_a_word_that_is_none_is_refused(office: Office, tmp_path: Path) -> None:
    office.opens()
    said = office.say("tenant", "adopt", "abbey", "--accept", "everything")
    assert said.code == 2
    assert "most-would-go" in said.err
    (tmp_path / "a.csv").write_text("a@x")
    both = office.say("tenant", "adopt", "abbey", "--without-accounts", "--accounts", str(tmp_path / "a.csv"))
    assert both.code == 2


@pytest.mark.parametrize(("text", "code"), [("y", 0), ("n", 1)])
def test_a_person_is_asked(office: Office, text: str, code: int) -> None:
    office.opens()
    said = office.answer(text, "tenant", "adopt", "abbey", "--without-accounts")
    assert said.code == code
    assert "Adopt this roster of 2" in said.out
    assert "No list of Unitu's accounts was given" in said.err
    assert (office.world.state.adoption is not None) == (code == 0)


def test_a_person_is_not_asked_without_the_words_that_are_needed(office: Office) -> None:
    office.opens()
    said = office.answer("y", "tenant", "adopt", "abbey")
    assert said.code == 1
    assert "Adopt this roster" not in said.out
    assert office.world.state.adoption is None


def test_a_program_reads_json(office: Office) -> None:
    office.opens()
    words = ("tenant", "adopt", "abbey", "--without-accounts", "--json")
    shown = json.loads(office.say(*words).out)
    assert [one["word"] for one in shown["concerns"]] == ["without-accounts"]
    assert shown["kinds"] == {"students": {"kept": 0, "new": 2, "disabled": 0}}
    said = office.say(*words, "--yes", shown["bound"])
    told = json.loads(said.out)
    assert (told["is_adopted"], told["roster"]["count"], told["disabled"]) == (True, 2, [])
    assert office.world.state.adoption is not None
    assert office.world.state.adoption.operator == "ann"


@pytest.mark.parametrize("text", ["", "name\nAda\n"])
def test_a_list_without_emails_says_so_and_needs_a_word(office: Office, tmp_path: Path, text: str) -> None:
    office.opens()
    (tmp_path / "names.csv").write_text(text)
    said = office.say("tenant", "adopt", "abbey", "--accounts", str(tmp_path / "names.csv"))
    assert said.code == 1
    assert "no column has an e-mail address" in said.out
    assert "--accept list-meets-few" in said.err
    assert office.world.state.adoption is None


@pytest.mark.parametrize("code", ["utf-16", "cp1252"])
def test_a_list_as_excel_writes_it_is_read(office: Office, tmp_path: Path, code: str) -> None:
    office.opens()
    path = tmp_path / "accounts.csv"
    path.write_text("Name;Email\nZo\u00eb;s1@abbey.example\n;s2@abbey.example\n", encoding=code)
    said = office.say("tenant", "adopt", "abbey", "--accounts", str(path))
    assert said.code == 1
    assert f'2 addresses in "Email", 0 rows without one (2 rows, {code.upper()}, semicolons)' in said.out


def test_a_spreadsheet_is_refused_in_words(office: Office, tmp_path: Path) -> None:
    office.opens()
    (tmp_path / "accounts.xlsx").write_bytes(b"PK\x03\x04")
    said = office.say("tenant", "adopt", "abbey", "--accounts", str(tmp_path / "accounts.xlsx"))
    assert said.code == 1
    assert "save it as CSV" in said.err


def test_lists_of_accounts_add_up(office: Office, tmp_path: Path) -> None:
    office.opens()
    for name, text in {
        "students": "mail\ns1@abbey.example\ns2@abbey.example",
        "staff": "id;mail\n1;t1@x\n2;\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    lists = [word for name in ("students", "staff") for word in ("--accounts", str(tmp_path / f"{name}.csv"))]
    told = json.loads(office.say("tenant", "adopt", "abbey", *lists, "--json").out)
    assert (told["kept"], told["disabled"], told["concerns"]) == (2, ["t1@x"], [])
    assert [(one["row_count"], one["without_count"], one["column"]) for one in told["lists"]] == [
        (2, 0, '"mail"'),
        (2, 1, '"mail"'),
    ]


def test_a_key_is_confirmed_by_its_fingerprint(office: Office, tmp_path: Path) -> None:
    office.opens()
    office.world.adopt()
    office.world.work()
    (tmp_path / "secret").write_text("another-key")
    office.world.config = load(office.path, {})
    office.world.restart()
    office.world.publish()
    assert office.world.unitu.posts == 1
    held = office.say("tenant", "show", "abbey").out
    assert "rollcall tenant confirm-key" in " ".join(held.split())
    shown = office.say("tenant", "confirm-key", "abbey", "--json")
    told = json.loads(shown.out)
    assert (shown.code, told["is_confirmed"], told["adopted"] != told["configured"]) == (1, False, True)
    assert office.say("tenant", "confirm-key", "abbey", "--yes", told["adopted"]).code == 1
    asked = office.say("tenant", "confirm-key", "abbey")
    assert (asked.code, "another-key" in asked.out) == (1, False)
    assert f"--yes {told['configured']}" in asked.err
    assert office.say("tenant", "confirm-key", "abbey", "--yes", told["configured"]).code == 0
    office.world.work()
    assert office.world.unitu.posts == 2
    adoption = office.world.state.adoption
    assert adoption is not None
    assert (adoption.fingerprint, adoption.key_operator) == (told["configured"], "ann")


def test_a_key_cannot_be_confirmed_before_a_roster_is_adopted(office: Office) -> None:
    office.opens()
    key = json.loads(office.say("tenant", "confirm-key", "abbey", "--json").out)["configured"]
    said = office.say("tenant", "confirm-key", "abbey", "--yes", key)
    assert said.code == 1
    assert "nobody has adopted" in said.err


def test_a_tenant_that_is_not_configured_is_refused(office: Office) -> None:
    for words in (
        ("tenant", "adopt"),
        ("tenant", "show"),
        ("tenant", "release-emails"),
        ("tenant", "confirm-key"),
        ("publish",),
    ):
        said = office.say(*words, "abby")
        assert said.code == 2
        assert "abbey" in said.err


def test_what_holds_a_tenant_is_shown(office: Office) -> None:
    office.opens()
    office.world.work()
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert (told["mode"], told["adopted"], told["held"]["kind"]) == ("live", None, "hold")
    assert told["waits"] == []
    said = office.say("tenant", "show", "abbey")
    assert said.code == 0
    assert "nobody has adopted" in said.out


def test_a_tenant_that_is_not_whole_can_be_shown(office: Office) -> None:
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert told["waits"] is None


def test_changed_emails_are_released_by_a_person(office: Office) -> None:
    office.opens()
    office.world.adopt()
    office.world.work()
    office.world.tell(an_account("1", 20, email="one@x"), an_account("2", 21, email="two@x"))
    assert "two@x" in office.say("tenant", "show", "abbey").out
    refused = office.say("tenant", "release-emails", "abbey")
    assert refused.code == 1
    assert office.world.state.email_releases == {}
    for yes in ("0" * 12, refused.err.partition("--yes ")[2].strip()):  # of nobody, of all: not of this one
        assert office.say("tenant", "release-emails", "abbey", "--email", "one@x", "--yes", yes).code == 1
    told = json.loads(office.say("tenant", "release-emails", "abbey", "--email", "one@x", "--json").out)
    assert ([wait["own"] for wait in told["waits"]], told["released"]) == (["one@x"], [])
    one = office.say("tenant", "release-emails", "abbey", "--email", "one@x", "--yes", told["hash"])
    assert (one.code, office.world.state.email_releases) == (0, {"abbey/1": "one@x"})
    rest = office.answer("y", "tenant", "release-emails", "abbey")
    assert rest.code == 0
    assert office.world.state.email_releases == {"abbey/1": "one@x", "abbey/2": "two@x"}
    nobody = office.say("tenant", "release-emails", "abbey", "--json")
    assert json.loads(nobody.out) == {"tenant": "abbey", "released": []}


def test_released_are_those_that_were_shown(office: Office) -> None:
    office.opens()
    office.world.adopt()
    office.world.work()
    office.world.tell(an_account("1", 20, email="one@x"))
    shown = office.say("tenant", "release-emails", "abbey").err.partition("--yes ")[2].strip()
    office.world.tell(an_account("2", 21, email="two@x"))
    said = office.say("tenant", "release-emails", "abbey", "--yes", shown)
    assert (said.code, office.world.state.email_releases) == (1, {})
    office.world.tell(an_account("2", 22))
    assert office.say("tenant", "release-emails", "abbey", "--yes", shown).code == 0
    assert office.world.state.email_releases == {"abbey/1": "one@x"}


def test_the_newest_snapshot_goes_when_a_person_asks(office: Office) -> None:
    office.opens()
    office.world.adopt()
    office.world.work()
    assert office.say("publish", "abbey").code == 0
    office.world.work()
    assert office.world.unitu.posts == 2
    assert json.loads(office.say("publish", "abbey", "--json").out)["is_asked_for"] is True


# --- what is let go by its hash --------------------------------------------------------------------------------------


def with_a_hold(office: Office) -> str:
    """Three of four have left; what the hold is released by."""
    office.world.tell_school(*(an_account(str(number), number) for number in range(1, 5)))
    office.world.adopt()
    office.world.work(until=10)
    office.world.tell_school(*(a_leaver(number, 20) for number in "123"), at=20)
    office.world.work(until=10)
    [hold] = office.world.desk.holds("abbey")
    return hold.hash


def test_a_hold_is_shown_with_its_hash_and_everybody_in_it(office: Office) -> None:
    hash = with_a_hold(office)
    shown = office.say("tenant", "show", "abbey")
    assert f"{hash}: 3 of 4 students would be disabled at once" in shown.out
    assert "s1@abbey.example" in shown.out
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert [one["hash"] for one in told["releasable"]] == [hash]


def test_a_hold_is_let_go_by_its_hash(office: Office) -> None:
    hash = with_a_hold(office)
    said = office.say("publish", "abbey", "--release", hash)
    assert said.code == 0
    assert "is disabled" in said.out
    office.world.work(until=10)
    assert office.world.unitu.enabled == {"s4@abbey.example"}


def test_a_hash_of_nothing_lets_nobody_go(office: Office) -> None:
    with_a_hold(office)
    said = office.say("publish", "abbey", "--release", "0123456789ab")
    assert said.code == 2
    assert "nothing is held under 0123456789ab" in said.err
    office.world.work(until=10)
    assert len(office.world.unitu.enabled) == 4


def test_an_area_that_was_never_read_is_gone_without_by_name(office: Office) -> None:
    office.world.tell_school(an_account("1", 5, modules=()), areas={"students": 10, "structure": 10})
    said = office.say("tenant", "adopt", "abbey", "--without-accounts")
    assert said.code == 3
    assert "--without-area abbey/sets" in said.err
    words = ("--without-accounts", "--without-area", "abbey/sets")
    assert office.say("tenant", "adopt", "abbey", *words, "--yes", office.bound(*words)).code == 0
    assert office.world.state.adoption is not None
    assert office.world.state.adoption.accepts_missing == ("abbey/sets",)


def test_whose_record_unitu_refuses_is_shown_with_its_words(office: Office) -> None:
    office.opens()
    office.world.adopt()
    text = '{"errors": [{"pointer": "/students/0/email", "message": "is no address"}]}'
    refusal = Outcome("rejected", "refused", 422, text, refusal=refusal_in(text))
    posts = iter([refusal])

    async def post(*_: object) -> Outcome:
        return next(posts, Outcome("accepted", "accepted", 202))

    office.world.unitu.post = post  # type: ignore[method-assign]
    office.world.work()
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert told["complaints"] == [{"book": "abbey", "person": "1", "words": "email: is no address"}]
    said = office.say("tenant", "show", "abbey").out
    assert "Unitu refuses these records" in said
    assert ["abbey", "1", "email:", "is", "no", "address"] in [line.split() for line in said.splitlines()]


def test_a_tenants_structure_is_counted(office: Office) -> None:
    office.opens()
    office.world.desk.confirm_structure("abbey", {"programmes": ["Y10"]}, "ann")
    told = json.loads(office.say("tenant", "show", "abbey", "--json").out)
    assert told["structure"] == {"told": 0, "confirmed": 1}


def test_who_ordered_what_is_shown_with_why(office: Office) -> None:
    office.opens()
    words = ("tenant", "adopt", "abbey", "--without-accounts", "--note", "as agreed with the head")
    assert office.say(*words, "--yes", office.bound("--without-accounts")).code == 0
    said = office.say("tenant", "show", "abbey").out
    assert "as agreed with the head" in said
    (order,) = json.loads(office.say("tenant", "show", "abbey", "--json").out)["orders"]
    assert (order["kind"], order["operator"], order["note"]) == ("adopt", "ann", "as agreed with the head")
