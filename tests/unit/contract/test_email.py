"""E-mail addresses: what is one, what no mail system takes, and how the repair is named."""

import pytest

from shared.contract.email import email_key, fault_of, is_another_account, older_keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(" Ada@Abbey.Example\n", "ada@abbey.example", id="case and spaces"),
        pytest.param("jose\u0301@abbey.example", "jos\u00e9@abbey.example", id="NFD and NFC"),
        pytest.param("ada@abbey.example\u200b", "ada@abbey.example", id="a mark at the end"),
        pytest.param("\ufeffada@abbey.example", "ada@abbey.example", id="a byte order mark"),
        pytest.param("ada@abbey.example\x00", "ada@abbey.example", id="a NUL at the end"),
        pytest.param("ada@b\u00fccher.example", "ada@xn--bcher-kva.example", id="a domain and its A-label"),
        pytest.param("ada@BU\u0308CHER.example", "ada@xn--bcher-kva.example", id="a domain in NFD and capitals"),
        pytest.param("ada@abbey\u3002example", "ada@abbey.example", id="an ideographic full stop"),
        pytest.param("stra\u00dfe@abbey.example", "STRASSE@abbey.example", id="folded, not lowered"),
    ],
)
def test_two_spellings_are_one_address(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("ada@abbey.example", "ida@abbey.example", id="another name"),
        pytest.param("jose@abbey.example", "jos\u00e9@abbey.example", id="an accent"),
        pytest.param("a\u200bda@abbey.example", "ada@abbey.example", id="a mark inside"),
        pytest.param("ada@abbey.example.", "ada@abbey.example", id="a dot at the end"),
        pytest.param("ada@stra\u00dfe.example", "ada@strasse.example", id="domains that IDNA tells apart"),
    ],
)
def test_two_addresses_stay_two(one: str, other: str) -> None:
    assert email_key(one) != email_key(other)


def test_a_domain_that_is_none_in_idna_is_folded() -> None:
    assert email_key("A@-\u00c4-.Example") == "a@-\u00e4-.example"
    assert email_key("\u00c4 no address") == "\u00e4 no address"


SOUND = [
    "ada@abbey.example",
    "Ada.O'Brien+14_x@mail.abbey-school.co.uk",
    "\u5c0f\u6797@\u4f8b\u3048.\u30c6\u30b9\u30c8",
    '"ada lovelace"@abbey.example'.replace(" ", "."),
    "a@x_y.example",
    f"{'a' * 240}@abbey.example",
]


@pytest.mark.parametrize("address", SOUND)
def test_what_a_mail_system_takes_has_no_fault(address: str) -> None:
    assert fault_of(address) is None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "is empty: fill it in"),
        ("a\u200bda@abbey.example", "has U+200B (ZERO WIDTH SPACE) as character 2, which nobody sees: type it anew"),
        ("ada@abb\u00adey.example", "has U+00AD (SOFT HYPHEN) as character 8, which nobody sees: type it anew"),
        (
            "ada\u202e@abbey.example",
            "has U+202E (RIGHT-TO-LEFT OVERRIDE) as character 4, which nobody sees: type it anew",
        ),
        (
            "ada@abbey.example\ufeff",
            "has U+FEFF (ZERO WIDTH NO-BREAK SPACE) as character 18, which nobody sees: type it anew",
        ),
        ("ada\x07@abbey.example", "has U+0007 as character 4, which nobody sees: type it anew"),
        ("ada\n@abbey.example", "has U+000A (LINE FEED) as character 4, which nobody sees: type it anew"),
        ("ada\ue000@abbey.example", "has U+E000 as character 4, which nobody sees: type it anew"),
        ("ada\u2028@abbey.example", "has U+2028 (LINE SEPARATOR) as character 4, which nobody sees: type it anew"),
        ("ada\u0378@abbey.example", "has U+0378 as character 4, which nobody sees: type it anew"),
        ("ad\ufffd@abbey.example", "has a character that was lost (U+FFFD (REPLACEMENT CHARACTER)): type it anew"),
        ("mailto:ada@abbey.example", 'begins with "mailto:": leave that out'),
        ("<ada@abbey.example>", "has angle brackets: leave them out, and the name beside them"),
        ("Ada <ada@abbey.example>", "has angle brackets: leave them out, and the name beside them"),
        ("ada fern@abbey.example", "has a space as character 4: leave it out"),
        ("ada\u00a0fern@abbey.example", "has a space as character 4: leave it out"),
        ("ada.abbey.example", "has no @: write it as name@school.example"),
        ("ada@x.example,ida@x.example", "has more than one @: write one address alone"),
        ("@abbey.example", "has nothing before the @: write it as name@school.example"),
        ("ada@", "has nothing after the @: write it as name@school.example"),
        ("ada@abbey.example.", "has a dot at its end: leave it out"),
        ("ada.@abbey.example", "has a dot before the @: leave it out"),
        ("ada@.abbey.example", "has a dot after the @: leave it out"),
        (".ada@abbey.example", "has a dot at its beginning: leave it out"),
        ("ada@abbey..example", "has two dots in a row: leave one out"),
        ("ada..fern@abbey.example", "has two dots in a row: leave one out"),
        ("ada;fern@abbey.example", "has U+003B (SEMICOLON) before the @: leave it out"),
        ("ada@abbey", "has a domain without a dot: write the whole of it, as in name@school.example"),
        ("ada@abbey,example.org", "has U+002C (COMMA) in its domain: correct it"),
        ("'ada@abbey.example'", "has U+0027 (APOSTROPHE) in its domain: correct it"),
        ("ada@-abbey.example", "has a part that begins or ends in a hyphen in its domain: correct it"),
        ("ada@192.168.1.1", "ends in a number: write the domain's name, not a machine's address"),
        (
            "ada@\u2160\u200d\u00e4.example",
            "has U+200D (ZERO WIDTH JOINER) as character 6, which nobody sees: type it anew",
        ),
        ("ada@-\u00e4.example", "has a domain that no registry takes: type it anew"),
        (f"ada@{'a' * 64}.example", "has a part of its domain with more than 63 characters: correct it"),
        (f"{'a' * 241}@abbey.example", "has more than 254 characters: no mail system takes so many"),
    ],
)
def test_what_no_mail_system_takes_is_named_with_its_repair(address: str, words: str) -> None:
    assert fault_of(address) == words


@pytest.mark.parametrize(
    ("delivered", "own", "moves"),
    [
        ("ada@abbey.example", "ada@abbey.example", False),
        ("ada@abbey.example", "Ada@Abbey.Example", False),
        ("jose\u0301@abbey.example", "jos\u00e9@abbey.example", False),
        ("ada@abbey.example", "ida@abbey.example", True),
        ("ada@abbey.example\u200b", "ada@abbey.example", True),  # nobody can log in with the first
        ("ada@abbey.example.", "ada@abbey.example.", False),
        ("ada@abbey.example\u200b", "ada@abbey.example\u200b\u200b", False),
    ],
)
def test_a_spelling_is_no_other_account_and_the_repair_of_an_address_is(delivered: str, own: str, moves: bool) -> None:
    assert is_another_account(delivered, own) is moves


def test_the_keys_of_an_earlier_release_are_known() -> None:
    assert older_keys("ada@abbey.example") == ("ada@abbey.example",)
    assert "jose\u0301@abbey.example" in older_keys("jos\u00e9@abbey.example")
    assert "ada@b\u00fccher.example" in older_keys("ada@xn--bcher-kva.example")
    assert older_keys("ada@xn--\u00e4.example")  # no A-label: itself, at least
