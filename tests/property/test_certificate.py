"""A certificate exists exactly for a whole list, and no small difference hides in it."""

from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.sweep.certificate import PageRead, judge
from shared.contract.codec import roll_hash
from shared.sweeps.certificate import certify

student_ids = st.text("0123456789", min_size=1, max_size=13)
rolls = st.lists(student_ids, min_size=1, max_size=60, unique=True)
digests = st.binary(min_size=16, max_size=16).map(bytes.hex)


def in_pages(roll: list[str], size: int) -> tuple[list[PageRead], list[list[str]]]:
    parts = [roll[at : at + size] for at in range(0, len(roll), size)]
    return [PageRead(n, len(parts), len(roll), len(part), len(part)) for n, part in enumerate(parts, 1)], parts


@given(rolls, st.integers(1, 20))
def test_a_list_read_whole_is_certified(roll: list[str], size: int) -> None:
    assert judge(in_pages(roll, size)[0], roll, roll) is None


@given(rolls, st.integers(1, 20), st.data())
def test_without_any_one_page_it_is_not(roll: list[str], size: int, data: st.DataObject) -> None:
    pages, parts = in_pages(roll, size)
    gone = data.draw(st.integers(0, len(pages) - 1))
    came = [id for number, part in enumerate(parts) if number != gone for id in part]
    assert judge([page for number, page in enumerate(pages) if number != gone], came, roll) is not None


@given(rolls, st.integers(1, 20), st.data())
def test_without_any_one_student_it_is_not(roll: list[str], size: int, data: st.DataObject) -> None:
    """Whether the page owns up to it or not."""
    pages, parts = in_pages(roll, size)
    short = data.draw(st.integers(0, len(pages) - 1))
    honest = data.draw(st.booleans())
    page, received = pages[short], len(parts[short]) - 1
    pages[short] = PageRead(page.number, page.pages, page.declared, received if honest else page.count, received)
    came = list(roll)
    came.remove(parts[short][0])
    assert judge(pages, came, roll) is not None


@given(rolls, st.integers(1, 20), st.data())
def test_an_id_in_place_of_another_is_not(roll: list[str], size: int, data: st.DataObject) -> None:
    """Page drift: one student comes twice, so another did not come."""
    if len(roll) < 2:
        return
    pages, _ = in_pages(roll, size)
    at, of = data.draw(st.permutations(range(len(roll))))[:2]
    came = list(roll)
    came[at] = came[of]
    assert judge(pages, came, roll) is not None


@given(rolls, rolls, st.integers(1, 20))
def test_a_school_is_doubted_exactly_below_a_fifth(roll: list[str], last: list[str], size: int) -> None:
    failure = judge(in_pages(roll, size)[0], roll, last)
    assert (failure is not None) == (len(set(roll) & set(last)) * 5 < len(roll))


@given(st.dictionaries(student_ids, digests, min_size=1, max_size=30), st.data())
def test_any_change_of_content_changes_the_certificate(parts: dict[str, str], data: st.DataObject) -> None:
    who = data.draw(st.sampled_from(sorted(parts)))
    other = data.draw(digests.filter(lambda digest: digest != parts[who]))
    before, after = certify([], parts, []), certify([], parts | {who: other}, [])
    assert before.content_sum != after.content_sum
    assert before.roll_hash == after.roll_hash == roll_hash(list(parts))


@given(st.dictionaries(student_ids, digests, min_size=1, max_size=30))
def test_the_order_of_reading_does_not_matter(parts: dict[str, str]) -> None:
    assert certify([], parts, []) == certify([], dict(reversed(parts.items())), [])
