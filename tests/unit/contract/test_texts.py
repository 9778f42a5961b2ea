"""The form in which a typed text is taken, at every door."""

import pytest

from shared.contract.texts import clean, control_in, line


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        pytest.param(" Ada\t", "Ada", id="spaces"),
        pytest.param("\u00a0Ada\u3000", "Ada", id="spaces of other scripts"),
        pytest.param("Zoe\u0308", "Zo\u00eb", id="NFD"),
        pytest.param("\u200bAda\u200f", "Ada", id="marks at the ends"),
        pytest.param("\ufeffAda", "Ada", id="a byte order mark"),
        pytest.param("Ada\u00ad", "Ada", id="a soft hyphen at the end"),
        pytest.param("Ada\x00\x7f", "Ada", id="control characters at the end"),
        pytest.param("\ue000Ada\U000fffff", "Ada", id="private use and unassigned"),
        pytest.param("\u200b", "", id="nothing but a mark"),
        pytest.param("\u200d \u2060", "", id="nothing but marks and spaces"),
        pytest.param("\u3164\u115f", "", id="nothing but letters without ink"),
        pytest.param("", "", id="nothing"),
        pytest.param("Ana\u200cMaria", "Ana\u200cMaria", id="a joiner inside stays"),
        pytest.param("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680", id="an emoji of two"),
        pytest.param(
            "\u0d30\u0d3e\u0d1c\u0d28\u0d4d\u200d", "\u0d30\u0d3e\u0d1c\u0d28\u0d4d\u200d", id="a last letter"
        ),
        pytest.param("Ada\u200d", "Ada", id="a joiner that joins nothing"),
        pytest.param("\u2764\ufe0f", "\u2764\ufe0f", id="an emoji and its selector"),
        pytest.param("A\nB", "A\nB", id="what is inside stays"),
    ],
)
def test_a_text_is_taken_in_one_form(typed: str, taken: str) -> None:
    assert clean(typed) == taken


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("Maths\tHigher", "Maths Higher"),
        ("1 High St\r\n  Kew", "1 High St Kew"),
        ("1 High St \u2028Kew", "1 High St Kew"),
        ("Two  spaces", "Two  spaces"),
        ("\nEnds\n", "Ends"),
        ("Ana\u200cMaria", "Ana\u200cMaria"),
    ],
)
def test_a_line_has_spaces_for_what_breaks_it(typed: str, taken: str) -> None:
    assert line(typed) == taken


def test_a_control_character_is_told_by_code_point_and_place() -> None:
    assert control_in("Ada\x07Fern") == "U+0007 as character 4"
    assert control_in("A\tB") == "U+0009 (TAB) as character 2"
    assert control_in("A\u2028B") == "U+2028 (LINE SEPARATOR) as character 2"
    assert control_in("Ana\u200cMaria") is None
    assert control_in("Ada Fern") is None
