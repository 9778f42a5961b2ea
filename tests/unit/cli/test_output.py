"""Whatever a school typed in, or a server said, is one line of what a person reads, and no order to a terminal."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli import output
from services.cli.output import print_exact, print_json, print_line, print_table, tell_error
from shared.errors import ConfigError, RollcallError

FOLDER = Path(output.__file__).parent
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
RUDE = st.text(st.one_of(st.characters(), st.sampled_from(LINE_ENDS + "\x1b\x9b\x07\x08\u202e\u2066\u200b\\")))
AS_IT_COMES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def printed(capsys: pytest.CaptureFixture[str], say: Callable[[], None]) -> tuple[str, str]:
    say()
    found = capsys.readouterr()
    assert not {one for one in found.out + found.err if not one.isprintable()} - {"\n"}
    return found.out, found.err


@AS_IT_COMES
@given(text=RUDE, err=st.booleans())
def test_a_line_is_one(capsys: pytest.CaptureFixture[str], text: str, *, err: bool) -> None:
    said = printed(capsys, lambda: print_line(f"Ada {text}: current", err=err))[err]
    assert said.count("\n") == 1
    assert said.startswith("Ada ")
    assert said.endswith(": current\n")


@AS_IT_COMES
@given(RUDE.filter(lambda text: len(text) < 10), RUDE.filter(lambda text: len(text) < 10))
def test_a_row_is_one(capsys: pytest.CaptureFixture[str], column: str, cell: str) -> None:
    out, _ = printed(capsys, lambda: print_table(("x", f"{column}."), [(1, f"{cell}."), (2, "b")]))
    assert out.count("\n") == 3


@AS_IT_COMES
@given(RUDE)
def test_an_error_is_one(capsys: pytest.CaptureFixture[str], text: str) -> None:
    _, err = printed(capsys, lambda: tell_error(RollcallError(f"no {text}"), as_json=False))
    assert err.count("\n") == 1


def test_each_fault_of_a_configuration_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = ConfigError("a: is wrong\nb: is \x1b[2J too")
    assert printed(capsys, lambda: tell_error(refusal, as_json=False))[1] == "a: is wrong\nb: is \\x1b[2J too\n"


def test_a_table_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(capsys, lambda: print_table(("[red]a",), [("[bold]b[/bold] :smile:",)]))
    assert "[red]a" in out
    assert "[bold]b[/bold] :smile:" in out


def test_what_programs_and_shells_read_is_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "a\\b"})
    assert '"a\\\\b"' in capsys.readouterr().out
    print_exact("a\\b")
    assert capsys.readouterr().out == "a\\b\n"


def _calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", sorted(set(FOLDER.glob("*.py")) - {FOLDER / "output.py"}), ids=lambda path: path.name)
def test_no_verb_prints_by_another_way(path: Path) -> None:
    """Fails when a verb prints what nothing has escaped: use `print_line`, `print_table`, `print_json`."""
    others = {"typer.echo", "typer.secho", "click.echo", "print", "rprint", "sys.stdout.write", "sys.stderr.write"}
    assert not others & set(_calls(path))


def test_only_what_is_ours_alone_is_printed_exactly() -> None:
    assert {path.name for path in FOLDER.glob("*.py") if "print_exact" in _calls(path)} == {"example.py", "topics.py"}
