"""Whatever way a list of accounts was exported, its addresses are found, and what was read is said."""

import pytest

from services.publisher.account_list import AccountList, UnreadableList, addresses, choose, read_table

KNOWN = {"s1@abbey.example"}


def read(text: str | bytes, known: set[str] = KNOWN) -> AccountList:
    return choose(read_table(text if isinstance(text, bytes) else text.encode()), known)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        pytest.param("email\ns1@abbey.example\nhead@abbey.example\n", '"email"', id="one column"),
        pytest.param("s1@abbey.example\nhead@abbey.example\n", "column 1", id="no head"),
        pytest.param(
            "Username,School email\nafern,s1@abbey.example\nold,head@abbey.example\n", '"School email"', id="usernames"
        ),
        pytest.param(
            "Mail,University email address\nyes,s1@abbey.example\nno,head@abbey.example\n",
            '"University email address"',
            id="mail: yes or no",
        ),
        pytest.param("Name;Email\nAda;s1@abbey.example\nHead;head@abbey.example\n", '"Email"', id="semicolons"),
        pytest.param("Name\tEmail\nAda\ts1@abbey.example\nHead\thead@abbey.example\n", '"Email"', id="tabs"),
        pytest.param("Name|Email\nAda|s1@abbey.example\nHead|head@abbey.example\n", '"Email"', id="bars"),
        pytest.param("sep=;\r\nName;Email\r\nA, B;s1@abbey.example\r\nC, D;head@abbey.example", '"Email"', id="sep=;"),
        pytest.param(
            "Name,Personal email,University email\nAda,ada@home.example,s1@abbey.example\n"
            "Head,h@home.example,head@abbey.example\n",
            '"University email"',
            id="the personal e-mail comes first",
        ),
        pytest.param(
            '"Email address (login)"\n"Ada <S1@Abbey.example>"\n"Head <head@abbey.example>"\n',
            '"Email address (login)"',
            id="name and address in one cell",
        ),
        pytest.param(
            '"Fern, Ada",s1@abbey.example,x\n"Head, The",mailto:head@abbey.example,\n', "column 2", id="quoted commas"
        ),
    ],
)
def test_the_addresses_are_found_and_their_column_is_said(text: str, column: str) -> None:
    found = read(text)
    assert {email.casefold() for email in found.emails} == {"s1@abbey.example", "head@abbey.example"}
    assert (found.column, found.row_count, found.without_count) == (column, 2, 0)
    assert column in found.words


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("utf-16-be", "UTF-16-BE"),
        ("cp1252", "CP1252"),
    ],
)
def test_every_encoding_that_excel_writes_is_read(code: str, said: str) -> None:
    found = read("Name,Email\r\nZoë,s1@abbey.example\r\n".encode(code))
    assert (found.emails, found.encoding, found.column) == (("s1@abbey.example",), said, '"Email"')


@pytest.mark.parametrize("text", ["", "\n\n", "Email,Name\n", "name\nAda\n", "Email\n\n\n"])
def test_a_list_without_addresses_says_so(text: str) -> None:
    found = read(text)
    assert (found.emails, found.column) == ((), "")
    assert found.row_count == found.without_count
    assert "no column has an e-mail address" in found.words


def test_rows_without_an_address_are_counted_and_each_address_stands_once() -> None:
    found = read("Name,Email,Role\nAda,S1@abbey.example,student\nBea,,staff\nAda,s1@abbey.example,staff\nCy\n")
    assert (found.emails, found.row_count, found.without_count) == (("S1@abbey.example",), 4, 2)


def test_without_any_address_of_ours_the_fullest_column_counts_and_a_personal_one_last() -> None:
    text = "Personal email,Login\na@home.example,a@x\nb@home.example,b@x\nc@home.example,\n"
    assert read(text, set()).emails == ("a@x", "b@x")
    assert read(text, {"c@home.example"}).column == '"Personal email"'


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("o'brien@abbey.example", ["o'brien@abbey.example"]),
        ("'ada@x'", ["ada@x"]),
        ("a@x; b@x", ["a@x", "b@x"]),
        ("ask ada@x.", ["ada@x"]),
        ("@ada", []),
        ("ada @ x", []),
        pytest.param("\u200bAda@x\ufeff", ["Ada@x"], id="a mark that nobody sees"),
        pytest.param("n\u0303@x", ["n\u0303@x"], id="as Unitu composes it"),
        pytest.param("a\u200bda@x", ["a\u200bda@x"], id="a mark inside"),
    ],
)
def test_an_address_is_found_in_its_cell(cell: str, found: list[str]) -> None:
    assert addresses(cell) == found


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04rest", b"%PDF-1.7", b"\xd0\xcf\x11\xe0x", b"\xff\xfeab\x00", b"a,b\n" + b"x" * 200_000, b"a\0\0\0b"],
)
def test_what_is_no_list_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(UnreadableList, match="save it"):
        read(data)
