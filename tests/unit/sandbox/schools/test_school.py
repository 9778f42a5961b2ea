"""Made-up schools: the same every time, and such as a record system could hold."""

from collections import Counter

import msgspec
import pytest

from services.sandbox.isams.records import School, Student
from services.sandbox.schools.school import dump_school, load_school, make_joiner, make_school


@pytest.fixture(scope="module")
def abbey():
    return make_school("abbey", 700, 1)


def test_the_same_seed_gives_the_same_bytes(abbey):
    assert msgspec.json.encode(make_school("abbey", 700, 1)) == msgspec.json.encode(abbey)


def test_another_seed_or_slug_gives_other_pupils(abbey):
    ids = {student.school_id for student in abbey.students}
    for other in (make_school("abbey", 700, 2), make_school("northern", 700, 1)):
        assert len(ids & {student.school_id for student in other.students}) < 3


@pytest.mark.parametrize("size", [0, 1, 7, 59, 700])
def test_it_has_exactly_as_many_pupils_as_it_should(size):
    assert len(make_school("abbey", size, 3).students) == size


def test_every_year_group_has_its_pupils(abbey):
    heads = Counter(student.year_group for student in abbey.students)
    assert set(heads) == set(range(7, 14))
    assert max(heads.values()) <= 1.5 * min(heads.values())


def test_ids_are_strings_of_ten_to_thirteen_digits_that_nobody_shares(abbey):
    ids = [person.school_id for person in (*abbey.students, *abbey.applicants, *abbey.alumni)]
    assert len(set(ids)) == len(ids)
    assert all(id.isdecimal() and 10 <= len(id) <= 13 for id in ids)


def test_school_addresses_are_unique_and_in_the_schools_own_domain(abbey):
    emails = [student.school_email_address for student in (*abbey.students, *abbey.former)]
    emails += [employee.school_email_address for employee in abbey.employees]
    assert len(set(emails)) == len(emails)
    assert all(email.endswith("@abbey.example") and email.isascii() for email in emails)


@pytest.mark.parametrize("field", ["preferred_name", "mobile_number", "personal_email_address", "latest_photo_id"])
def test_some_have_it_and_some_have_not(abbey, field):
    have = sum(getattr(student, field) is not None for student in abbey.students)
    assert 0.1 < have / len(abbey.students) < 0.9


def test_every_student_has_what_a_sync_needs(abbey):
    for student in abbey.students:
        assert student.title
        assert student.forename
        assert student.surname
        assert student.school_email_address


def test_a_student_record_has_every_documented_field_in_the_vendors_spelling(abbey):
    record = msgspec.to_builtins(abbey.students[0])
    assert {"schoolId", "personGuid", "middlenames", "dob", "yearGroup", "schoolEmailAddress", "systemStatus"} <= set(
        record
    )
    assert len(record) == len(Student.__struct_fields__) == 50
    assert 900 < len(msgspec.json.encode(record)) < 2000


def test_set_lists_hold_only_pupils_of_the_sets_year(abbey):
    years = {student.school_id: student.year_group for student in abbey.students}
    for entry in abbey.sets:
        assert abbey.set_lists[entry.id]
        assert {years[id] for id in abbey.set_lists[entry.id]} == {entry.year}


def test_a_set_has_twenty_to_thirty_pupils_where_the_numbers_allow_it(abbey):
    taught = Counter()
    for entry in abbey.sets:
        taught[entry.year, entry.subject_id] += len(abbey.set_lists[entry.id])
    for entry in abbey.sets:
        size = len(abbey.set_lists[entry.id])
        assert size <= 30
        assert size >= 20 or taught[entry.year, entry.subject_id] < 40


def test_some_subjects_are_for_everybody_and_some_are_a_choice(abbey):
    codes = {subject.id: subject.code for subject in abbey.subjects}
    heads = Counter(student.year_group for student in abbey.students)
    taught = Counter()
    for entry in abbey.sets:
        taught[entry.year, codes[entry.subject_id]] += len(abbey.set_lists[entry.id])
    assert taught[8, "ENG"] == heads[8]
    assert 0 < taught[8, "MUS"] < heads[8]


def test_every_year_group_has_a_division_and_every_subject_a_department(abbey):
    divisions = {division.id for division in abbey.divisions}
    departments = {department.id for department in abbey.departments}
    assert all(set(abbey.year_divisions[group.nc_year]) <= divisions for group in abbey.year_groups)
    assert all(abbey.subject_departments[subject.id] in departments for subject in abbey.subjects)


def test_who_left_is_not_on_the_roll_and_says_so(abbey):
    roll = {student.school_id for student in abbey.students}
    assert abbey.alumni
    assert [one.school_id for one in abbey.alumni] == [one.school_id for one in abbey.former]
    for leaver in abbey.former:
        assert leaver.school_id not in roll
        assert leaver.system_status == "Former"
        assert leaver.leaving_date < "2026-09-01"


def test_the_leaving_year_is_the_start_of_the_last_school_year(abbey):
    for one in abbey.alumni:
        assert one.leaving_date.startswith(str(one.leaving_year + 1))
        assert one.leaving_date[5:7] == "07"


def test_applicants_are_of_several_statuses_and_enrol_in_years_to_come_or_gone(abbey):
    assert {"Accepted", "Registered", "Withdrawn"} <= {applicant.admission_status for applicant in abbey.applicants}
    assert {applicant.enrolment_school_year for applicant in abbey.applicants} == {2025, 2027}


def test_siblings_share_a_family_a_home_and_their_contact(abbey):
    families = Counter(student.family_id for student in abbey.students)
    assert max(families.values()) > 1
    for contact in abbey.contacts:
        members = [student for student in abbey.students if student.school_id in contact.school_ids]
        assert {student.family_id for student in members} == {members[0].family_id}
        assert all(contact.address_id in {home.id for home in student.home_addresses} for student in members)


def test_a_schools_file_comes_back_as_it_was(abbey, tmp_path):
    dump_school(abbey, tmp_path / "abbey.json")
    assert load_school(tmp_path / "abbey.json") == abbey


def test_a_file_that_no_school_could_have_is_refused_by_field(tmp_path):
    (tmp_path / "bad.json").write_bytes(b'{"slug":"a","name":"A","academicYear":"this year"}')
    with pytest.raises(msgspec.ValidationError, match="academicYear"):
        load_school(tmp_path / "bad.json")


def test_a_joiner_is_nobody_who_is_there(abbey):
    ids = {person.school_id for person in (*abbey.students, *abbey.applicants, *abbey.alumni)}
    emails = {student.school_email_address for student in abbey.students}
    joiners = [make_joiner("abbey", number, year_group=9) for number in range(1, 60)]
    assert len({joiner.school_id for joiner in joiners} - ids) == 59
    assert len({joiner.school_email_address for joiner in joiners} - emails) == 59
    assert {joiner.year_group for joiner in joiners} == {9}
    assert make_joiner("abbey", 5, year_group=9) == joiners[4]


def test_the_academic_year_moves_everything_with_it():
    then = make_school("abbey", 70, 1, academic_year=2030)
    assert max(student.enrolment_year for student in then.students) == 2030
    assert {applicant.enrolment_school_year for applicant in then.applicants} <= {2029, 2031}


def test_a_school_is_read_back_by_its_own_type(abbey):
    assert msgspec.json.decode(msgspec.json.encode(abbey), type=School).slug == "abbey"
