"""
Makes up a school: the same slug, size and seed give the same school, to the byte. All names and data of pupils are
invented.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import msgspec

from services.sandbox.isams.records import (
    Alumnus,
    Applicant,
    Contact,
    Department,
    Division,
    Employee,
    House,
    School,
    Student,
    Subject,
    TeachingSet,
    Term,
    YearGroup,
)
from services.sandbox.schools import words
from services.sandbox.schools.draws import Draws, plain

YEARS = range(7, 14)
SET_SIZE = 30  # pupils at most; from 40 pupils on, at least 20
FORM_SIZE = 25
APPLICANTS_SHARE = 0.05  # of the roll
ALUMNI_SHARE = 0.04


def make_school(slug: str, size: int, seed: int, academic_year: int = 2026) -> School:
    """
    A school with ``size`` pupils on its roll. ``academic_year``: the calendar year in which the school year starts.

    Sixth-form years are somewhat smaller than the others. Ids, e-mail addresses and numbers do not depend on anything
    but the arguments.
    """
    return _Maker(slug, size, seed, academic_year).school()


def make_joiner(slug: str, number: int, year_group: int = 7, academic_year: int = 2026) -> Student:
    """A pupil whom no made-up school of this slug has: the same number gives the same pupil, 1 to 999,999."""
    maker = _Maker(slug, 0, -number, academic_year)
    maker.ids = iter([f"{maker.prefix}{number:07d}"])
    maker.number = 1_000_000 + number
    student = maker.student(year_group, f"{year_group}A")
    student.school_email_address = (student.school_email_address or "").replace("@", f".j{number}@")
    return student


def dump_school(school: School, path: Path) -> None:
    """Write a school's file, for people to read and change."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(school), indent=1) + b"\n")


def load_school(path: Path) -> School:
    """Raises: msgspec.ValidationError, naming the field, for a file that no school could have."""
    return msgspec.json.decode(path.read_bytes(), type=School)


class _Maker(Draws):
    def __init__(self, slug: str, size: int, seed: int, academic_year: int) -> None:
        super().__init__(random.Random(f"{slug}/{size}/{seed}"), f"{slug}.example", academic_year)
        self.slug, self.size = slug, size
        # The first digits are the school's, so that ids of two made-up schools hardly ever meet.
        self.prefix = 1000 + sum(ord(letter) * 31**place for place, letter in enumerate(slug)) % 9000
        total = int(size * (1 + APPLICANTS_SHARE + ALUMNI_SHARE)) + 10
        tails = self.random.sample(range(1_000_000, 1_000_000_000), total)
        self.ids = iter([f"{self.prefix}{tail:07d}" for tail in tails])

    def school(self) -> School:
        employees = [self.employee(number) for number in range(1, max(4, self.size // 15) + 1)]
        divisions = [Division(id=n, code=code, name=name, order=n, last_updated=self.stamp())
                     for n, (code, name, _) in enumerate(words.DIVISIONS, 1)]  # fmt: skip
        year_groups = [self.year_group(year, employees) for year in YEARS]
        departments = [
            Department(id=n, name=name) for n, name in enumerate(dict.fromkeys(s[2] for s in words.SUBJECTS), 1)
        ]
        department_ids = {department.name: department.id for department in departments}
        subjects = [
            Subject(id=n, code=code, name=name, reporting_name=name)
            for n, (code, name, *_) in enumerate(words.SUBJECTS, 1)
        ]
        students, contacts = self.pupils(employees)
        sets, set_lists = self.sets(students, subjects, employees)
        former = [self.leaver(n) for n in range(round(self.size * ALUMNI_SHARE))]
        return School(
            slug=self.slug,
            name=self.slug.replace("-", " ").title() + " School",
            academic_year=self.year,
            students=students,
            applicants=[self.applicant(n) for n in range(round(self.size * APPLICANTS_SHARE))],
            alumni=[alumnus_of(student, _leaving_year(student)) for student in former],
            former=former,
            contacts=contacts,
            divisions=divisions,
            year_groups=year_groups,
            year_divisions={year: [n] for n, (_, _, years) in enumerate(words.DIVISIONS, 1) for year in years},
            departments=departments,
            subjects=subjects,
            subject_departments={n: department_ids[entry[2]] for n, entry in enumerate(words.SUBJECTS, 1)},
            sets=sets,
            set_lists=set_lists,
            houses=[self.house(n, name, employees) for n, name in enumerate(words.HOUSES, 1)],
            terms=[term for year in (self.year - 1, self.year, self.year + 1) for term in _terms(year)],
            employees=employees,
            admission_statuses=list(words.ADMISSION_STATUSES),
        )

    def pupils(self, employees: Sequence[Employee]) -> tuple[list[Student], list[Contact]]:
        weights = {year: 100 if year < 12 else 80 for year in YEARS}
        total = sum(weights.values())
        heads = {year: self.size * weight // total for year, weight in weights.items()}
        for year in list(YEARS)[: self.size - sum(heads.values())]:
            heads[year] += 1
        students: list[Student] = []
        contacts: dict[int | None, Contact] = {}
        for year in YEARS:
            for place in range(heads[year]):
                sibling = self.random.choice(students) if students and self.random.random() < 0.12 else None
                student = self.student(year, f"{year}{chr(65 + place // FORM_SIZE % 26)}", sibling)
                student.tutor_employee_id = employees[(year * 7 + place // FORM_SIZE) % len(employees)].id
                students.append(student)
                if sibling is None:
                    contacts[student.family_id] = self.contact(student)
                contacts[student.family_id].school_ids.append(student.school_id)
        return students, list(contacts.values())

    def student(self, year: int, form: str, sibling: Student | None = None) -> Student:
        gender, title, forename, surname = self.person(sibling)
        joined = self.random.choice((7, 7, 7, 7, year)) if year < 12 else self.random.choice((7, 7, 12))
        enrolment_year = self.year - (year - min(joined, year))
        middle = self.forename(gender) if self.chance(0.5) else None
        draw = self.random.random()
        preferred = (
            words.SHORT.get(forename, self.forename(gender)) if draw < 0.15 else forename if draw < 0.6 else None
        )
        email = self.email(forename, surname)
        number = self.next_number()
        return Student(
            id=number,
            school_id=next(self.ids),
            school_code=f"{self.slug[:2].upper()}{number:05d}",
            person_id=20_000 + number,
            person_guid=self.guid(),
            title=title,
            forename=forename,
            middlenames=middle,
            surname=surname,
            preferred_name=preferred,
            full_name=f"{preferred or forename} {surname}",
            initials="".join(name[0] for name in (forename, middle, surname) if name),
            gender=gender,
            dob=self.day(date(self.year - year - 5, 9, 1), 365),
            year_group=year,
            form_group=form,
            academic_house=self.random.choice(words.HOUSES),
            boarding_status="Day",
            enrolment_date=f"{enrolment_year}-09-01T00:00:00",
            enrolment_year=enrolment_year,
            enrolment_term="Autumn",
            school_email_address=email,
            personal_email_address=email.replace(f"@{self.domain}", f".{self.random.randint(10, 99)}@post.example")
            if self.chance(0.25)
            else None,
            mobile_number=self.mobile() if self.chance(0.5 if year >= 10 else 0.2) else None,
            family_id=sibling.family_id if sibling else 50_000 + number,
            nationalities=[self.random.choice(words.NATIONALITIES)],
            languages=[self.random.choice(words.LANGUAGES)] if self.chance(0.9) else None,
            resident_country="United Kingdom",
            is_visa_required=self.chance(0.03),
            latest_photo_id=90_000 + number if self.chance(0.8) else None,
            last_updated=self.stamp(),
            home_addresses=sibling.home_addresses if sibling else [self.address(30_000 + number)],
        )

    def leaver(self, place: int) -> Student:
        """A pupil who left at the end of one of the last four school years."""
        left = self.year - 1 - place % 4
        student = self.student(13, "13A")
        student.enrolment_year = left - 6
        student.enrolment_date = f"{left - 6}-09-01T00:00:00"
        student.system_status = "Former"
        student.leaving_date = f"{left + 1}-07-{self.random.randint(1, 20):02d}T00:00:00"
        student.leaving_year_group = 13
        student.leaving_reason = "End of school"
        return student

    def applicant(self, place: int) -> Applicant:
        gender, title, forename, surname = self.person(None)
        number = self.next_number()
        year = (7, 7, 7, 9, 12)[place % 5]
        return Applicant(
            school_id=next(self.ids),
            school_code=f"{self.slug[:2].upper()}{number:05d}",
            person_id=20_000 + number,
            person_guid=self.guid(),
            title=title,
            forename=forename,
            surname=surname,
            preferred_name=forename,
            full_name=f"{forename} {surname}",
            initials=f"{forename[0]}{surname[0]}",
            gender=gender,
            date_of_birth=self.day(date(self.year - year - 4, 9, 1), 365),
            admission_status=("Accepted", "Offer made", "Accepted", "Registered", "Withdrawn")[place % 5],
            boarding_status="Day",
            enquiry_date=self.day(date(self.year - 1, 9, 1), 200),
            registered_date=self.day(date(self.year, 3, 1), 90),
            enrolment_date=f"{self.year + 1}-09-01T00:00:00",
            enrolment_school_year=self.year + 1 if place % 7 else self.year - 1,
            enrolment_school_year_group=year,
            enrolment_school_term="Autumn" if place % 3 else "termofentry",  # a placeholder that real data holds
            enrolment_academic_house_id=self.random.randint(1, len(words.HOUSES)),
            family_id=50_000 + number,
            nationalities=[self.random.choice(words.NATIONALITIES)],
            resident_country="United Kingdom",
            last_updated=self.stamp(),
        )

    def contact(self, student: Student) -> Contact:
        gender, title, forename, _ = self.person(None)
        address = (student.home_addresses or [self.address(0)])[0]
        number = self.next_number()
        return Contact(
            id=number,
            address_id=address.id,
            person_id=20_000 + number,
            person_guid=self.guid(),
            relationship="Mother" if gender == "F" else "Father",
            title="Mrs" if title == "Miss" else "Mr",
            forename=forename,
            surname=student.surname,
            email_address=f"{plain(forename)}.{number}@home.example",
            mobile_number=self.mobile(),
            profession=self.random.choice(words.PROFESSIONS),
            address1=address.address1,
            town=address.town,
            postcode=address.postcode,
            country=address.country,
            last_updated=self.stamp(),
        )

    def employee(self, number: int) -> Employee:
        gender, _, forename, surname = self.person(None)
        return Employee(
            id=200 + number,
            person_guid=self.guid(),
            title=("Ms", "Mrs", "Dr")[number % 3] if gender == "F" else ("Mr", "Mr", "Dr")[number % 3],
            forename=forename,
            surname=surname,
            preferred_name=forename if number % 2 else None,
            school_initials=f"{forename[0]}{surname[0]}{number}",
            gender=gender,
            date_of_birth=self.day(date(1965, 1, 1), 365 * 35),
            enrolment_date=self.day(date(self.year - 12, 9, 1), 365 * 10),
            is_personal_tutor=number % 2 == 0,
            is_teaching_staff=number % 4 != 0,
            latest_photo_id=None,
            school_email_address=self.email(forename[0], surname),
            school_mobile_number=self.mobile() if number % 3 == 0 else None,
        )

    def sets(
        self, students: Sequence[Student], subjects: Sequence[Subject], employees: Sequence[Employee]
    ) -> tuple[list[TeachingSet], dict[int, list[str]]]:
        """
        Who is taught what with whom: each pupil takes the subjects that their year must, and some of those that it may.
        """
        takes: dict[tuple[int, int], list[str]] = defaultdict(list)  # year, subject id -> schoolIds
        must = {year: [n for n, entry in enumerate(words.SUBJECTS, 1) if year in entry[3]] for year in YEARS}
        may = {year: [n for n, entry in enumerate(words.SUBJECTS, 1) if year in entry[4]] for year in YEARS}
        for student in students:
            year = student.year_group or 0
            for subject in must[year] + sorted(self.random.sample(may[year], words.CHOICES[year])):
                takes[year, subject].append(student.school_id)
        sets: list[TeachingSet] = []
        set_lists: dict[int, list[str]] = {}
        for year, subject in sorted(takes):
            pupils = takes[year, subject]
            parts = -(-len(pupils) // SET_SIZE)
            for part in range(parts):
                number = len(sets) + 1
                code = f"{year}{chr(65 + part % 26)}/{subjects[subject - 1].code.title()}{part + 1}"
                sets.append(TeachingSet(
                    id=number, name=code, set_code=code, set_number=part + 1, subject_id=subject, year=year,
                    teacher_id=employees[number % len(employees)].id, last_updated=self.stamp(),
                ))  # fmt: skip
                set_lists[number] = pupils[part::parts]
        return sets, set_lists

    def year_group(self, year: int, employees: Sequence[Employee]) -> YearGroup:
        return YearGroup(
            nc_year=year,
            code=f"Y{year}",
            name=f"Year {year}",
            tutor_id=employees[year % len(employees)].id,
            average_starting_age=float(year + 4),
            last_updated=self.stamp(),
        )

    def house(self, number: int, name: str, employees: Sequence[Employee]) -> House:
        return House(
            id=number,
            name=name,
            code=name[:3].upper(),
            gender="Mixed",
            house_master_employee_id=employees[number % len(employees)].id,
            email=f"{name.lower()}@{self.domain}",
        )


def alumnus_of(student: Student, leaving_year: int | None) -> Alumnus:
    """The record that the alumni list holds of somebody who was a student."""
    return Alumnus(
        school_id=student.school_id,
        school_code=student.school_code,
        person_id=student.person_id,
        person_guid=student.person_guid,
        title=student.title,
        forename=student.forename,
        middlenames=student.middlenames,
        surname=student.surname,
        preferred_name=student.preferred_name,
        full_name=student.full_name,
        initials=student.initials,
        official_name=student.official_name,
        gender=student.gender,
        admission_status="Former Pupil",
        boarding_status=student.boarding_status,
        enrolment_date=student.enrolment_date,
        enrolment_year=student.enrolment_year,
        year_group=student.year_group,
        leaving_date=student.leaving_date,
        leaving_year=leaving_year,
        leaving_year_group=student.leaving_year_group,
        leaving_term="Summer",
        leaving_reason=student.leaving_reason,
        nationalities=student.nationalities,
        languages=student.languages,
        system_status=student.system_status,
        last_updated=student.last_updated,
    )


def _leaving_year(student: Student) -> int | None:
    """The calendar year in which the school year that was the last one had started."""
    if student.leaving_date is None:
        return None
    left = date.fromisoformat(student.leaving_date[:10])
    return left.year if left.month >= 9 else left.year - 1


def _terms(year: int) -> Iterable[Term]:
    days = (("Autumn", "09-01", "12-15"), ("Spring", "01-06", "03-28"), ("Summer", "04-20", "07-10"))
    for number, (name, start, finish) in enumerate(days, 1):
        calendar = year if number == 1 else year + 1
        yield Term(
            id=year * 10 + number,
            name=name,
            school_year=year,
            start_date=f"{calendar}-{start}T00:00:00",
            finish_date=f"{calendar}-{finish}T00:00:00",
        )
