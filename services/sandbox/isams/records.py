"""
What iSAMS's REST API says of a school, field by field. The attribute is ours, the JSON name is the vendor's
(``school_id`` is ``schoolId``).

Which of these may be null is only partly known; what the vendor's public clients never treat as null has no default
here.
"""

from __future__ import annotations

from msgspec import Struct, field


class Record(Struct, kw_only=True, rename="camel"):
    """One object as the vendor writes it: every field is present, a missing value is null."""


class HomeAddress(Record, kw_only=True):
    id: int
    address1: str | None = None
    address2: str | None = None
    address3: str | None = None
    town: str | None = None
    county: str | None = None
    postcode: str | None = None
    country: str | None = None
    private: bool = False


class RemovalGrounds(Record, kw_only=True):
    code: str
    description: str


class Student(Record, kw_only=True):
    """
    One pupil of ``/api/students``: some 1.5 kB of JSON. ``school_id`` is the key, a string of digits; ``id`` looks like
    it and is not.
    """

    id: int
    school_id: str
    school_code: str | None = None
    person_id: int
    person_guid: str
    title: str | None = None
    forename: str | None = None
    middlenames: str | None = None
    surname: str | None = None
    preferred_name: str | None = None
    full_name: str | None = None
    initials: str | None = None
    official_name: str | None = None
    previous_name: str | None = None
    label_salutation: str | None = None
    letter_salutation: str | None = None
    gender: str | None = None
    dob: str | None = None
    year_group: int | None = None
    form_group: str | None = None
    academic_house: str | None = None
    boarding_house: str | None = None
    boarding_status: str | None = None
    tutor_employee_id: int | None = None
    enrolment_date: str | None = None
    enrolment_year: int | None = None
    enrolment_term: str | None = None
    enrolment_status: str | None = None
    leaving_date: str | None = None
    leaving_reason: str | None = None
    leaving_year_group: int | None = None
    removal_grounds: RemovalGrounds | None = None
    future_school_id: int | None = None
    school_email_address: str | None = None
    personal_email_address: str | None = None
    mobile_number: str | None = None
    family_id: int | None = None
    nationalities: list[str] | None = None
    languages: list[str] | None = None
    ethnicity: str | None = None
    religion: str | None = None
    resident_country: str | None = None
    birthplace: str | None = None
    birth_county: str | None = None
    is_visa_required: bool = False
    unique_pupil_number: str | None = None
    latest_photo_id: int | None = None
    system_status: str = "Current"
    last_updated: str | None = None
    home_addresses: list[HomeAddress] | None = None


class Applicant(Record, kw_only=True):
    """
    One of ``/api/admissions/applicants``. Houses are ids here and names on a student; ``middleNames`` is spelt
    otherwise.
    """

    school_id: str
    school_code: str | None = None
    person_id: int
    person_guid: str
    title: str | None = None
    forename: str | None = None
    middle_names: str | None = None
    surname: str | None = None
    preferred_name: str | None = None
    full_name: str | None = None
    initials: str | None = None
    official_name: str | None = None
    label_salutation: str | None = None
    letter_salutation: str | None = None
    gender: str | None = None
    date_of_birth: str | None = None
    admission_status: str | None = None
    boarding_status: str | None = None
    enquiry_date: str | None = None
    enquiry_reason: str | None = None
    enquiry_type: str | None = None
    registered_date: str | None = None
    enrolment_date: str | None = None
    enrolment_school_year: int | None = None
    enrolment_school_year_group: int | None = None
    enrolment_school_term: str | None = None
    enrolment_school_form: str | None = None
    enrolment_academic_house_id: int | None = None
    enrolment_boarding_house_id: int | None = None
    enrolment_offer_type: str | None = None
    current_school_id: int | None = None
    family_id: int | None = None
    is_readmission: bool = False
    is_visa_required: bool = False
    withdrawn_date: str | None = None
    withdrawn_reason: str | None = None
    withdrawn_reason_note: str | None = None
    school_email_address: str | None = None
    mobile_number: str | None = None
    nationalities: list[str] | None = None
    languages: list[str] | None = None
    ethnicity: str | None = None
    religion: str | None = None
    resident_country: str | None = None
    birthplace: str | None = None
    birth_county: str | None = None
    unique_pupil_number: str | None = None
    system_status: str = "Applicant"
    last_updated: str | None = None


class Alumnus(Record, kw_only=True):
    """One of ``/api/alumni``: no e-mail and no ``id``, and the only record with ``leavingYear``."""

    school_id: str
    school_code: str | None = None
    person_id: int
    person_guid: str
    title: str | None = None
    forename: str | None = None
    middlenames: str | None = None
    surname: str | None = None
    preferred_name: str | None = None
    full_name: str | None = None
    initials: str | None = None
    official_name: str | None = None
    gender: str | None = None
    admission_status: str | None = None
    boarding_status: str | None = None
    enquiry_date: str | None = None
    registered_date: str | None = None
    visit_date: str | None = None
    enrolment_date: str | None = None
    enrolment_year: int | None = None
    enrolment_year_group: int | None = None
    year_group: int | None = None
    leaving_date: str | None = None
    leaving_year: int | None = None
    leaving_year_group: int | None = None
    leaving_term: str | None = None
    leaving_reason: str | None = None
    future_school_id: int | None = None
    nationalities: list[str] | None = None
    languages: list[str] | None = None
    system_status: str = "Former"
    last_updated: str | None = None


class Contact(Record, kw_only=True):
    """
    One guardian. There is no StudentHome in this API: who lives where is ``addressId`` in a student's
    ``homeAddresses``.
    """

    id: int
    address_id: int
    person_id: int
    person_guid: str
    parental_responsibility: str = "Default"
    contact_type: str | None = "Home"
    relationship: str | None = None
    relationship_of_joint_contact: str | None = None
    title: str | None = None
    forename: str | None = None
    middle_names: str | None = None
    surname: str | None = None
    email_address: str | None = None
    mobile_number: str | None = None
    telephone_number: str | None = None
    work_telephone_number: str | None = None
    fax: str | None = None
    profession: str | None = None
    address1: str | None = None
    address2: str | None = None
    address3: str | None = None
    town: str | None = None
    county: str | None = None
    postcode: str | None = None
    country: str | None = None
    additional_id: str | None = None
    emergency_notes: str | None = None
    national_id: str | None = None
    passport_number: str | None = None
    tax_registration_number: str | None = None
    preferred_payment_method: str | None = None
    secondary_person_id: int | None = None
    secondary_person_guid: str | None = None
    billing: bool = True
    can_share_with_other_parents: bool = False
    contact_only: bool = False
    deceased: bool = False
    private: bool = False
    include_in_all_mail_merges: bool = True
    include_in_mail_merge_for_billing: bool = True
    include_in_mail_merge_for_correspondence: bool = True
    include_in_mail_merge_for_reports: bool = True
    last_updated: str | None = None
    last_updated_by: str | None = None
    school_ids: list[str] = field(default_factory=list)


class Division(Record, kw_only=True):
    id: int
    code: str
    name: str
    order: int
    last_updated: str | None = None


class YearGroup(Record, kw_only=True):
    nc_year: int
    code: str
    name: str
    tutor_id: int | None = None
    assistant_tutor_id: int | None = None
    average_starting_age: float | None = None
    census_year_group: str | None = None
    email_address: str | None = None
    website_address: str | None = None
    reference: str | None = None
    isc_england_wales_year_group: str | None = None
    isc_ireland_year_group: str | None = None
    isc_scotland_year_group: str | None = None
    last_updated: str | None = None


class Department(Record, kw_only=True):
    id: int
    name: str


class Subject(Record, kw_only=True):
    id: int
    active: bool = True
    code: str
    name: str
    reporting_name: str | None = None
    form_subject: bool = False
    set_subject: bool = True
    hidden: bool = False


class TeachingSet(Record, kw_only=True):
    """Only ``id`` and ``hidden`` are known for certain; the other names are those of the vendor's portal."""

    id: int
    name: str
    set_code: str
    set_number: int
    subject_id: int
    year: int
    block: str | None = None
    description: str | None = None
    teacher_id: int | None = None
    hidden: bool = False
    last_updated: str | None = None


class House(Record, kw_only=True):
    id: int
    name: str
    code: str
    type: str = "Academic"
    gender: str | None = None
    house_master_employee_id: int | None = None
    assistant_house_master_employee_id: int | None = None
    email: str | None = None
    telephone: str | None = None
    fax: str | None = None
    website: str | None = None
    address_line: str | None = None
    town: str | None = None
    county: str | None = None
    postcode: str | None = None


class Term(Record, kw_only=True):
    id: int
    name: str
    school_year: int
    start_date: str
    finish_date: str


class Employee(Record, kw_only=True):
    """One of ``/api/humanresources/employees``."""

    id: int
    person_guid: str
    title: str | None = None
    forename: str | None = None
    middle_names: str | None = None
    surname: str | None = None
    preferred_name: str | None = None
    previous_family_names: str | None = None
    school_initials: str | None = None
    gender: str | None = None
    date_of_birth: str | None = None
    enrolment_date: str | None = None
    leaving_date: str | None = None
    is_part_time: bool = False
    is_personal_tutor: bool = False
    is_teaching_staff: bool = True
    system_status: str | None = "Current"
    current_contract_id: int | None = None
    latest_photo_id: int | None = None
    nationalities: list[str] | None = None
    divisions: list[str] | None = None
    school_email_address: str | None = None
    school_mobile_number: str | None = None
    school_telephone_number: str | None = None
    personal_email_address: str | None = None
    personal_mobile_number: str | None = None
    personal_telephone_number: str | None = None
    personal_address1: str | None = None
    personal_address2: str | None = None
    personal_address3: str | None = None
    personal_town: str | None = None
    personal_county: str | None = None
    personal_postcode: str | None = None
    personal_country: str | None = None


class School(Record, kw_only=True):
    """
    One made-up school, whole: what its file holds.

    ``students`` are on the roll; ``former`` are the student records of those in ``alumni``, seen by id only.
    ``year_divisions`` gives a year group's division ids, ``subject_departments`` a subject's department id,
    ``set_lists`` the ``schoolId`` of each pupil of a set.
    """

    slug: str
    name: str
    academic_year: int
    students: list[Student] = field(default_factory=list)
    applicants: list[Applicant] = field(default_factory=list)
    alumni: list[Alumnus] = field(default_factory=list)
    former: list[Student] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    divisions: list[Division] = field(default_factory=list)
    year_groups: list[YearGroup] = field(default_factory=list)
    year_divisions: dict[int, list[int]] = field(default_factory=dict)
    departments: list[Department] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    subject_departments: dict[int, int] = field(default_factory=dict)
    sets: list[TeachingSet] = field(default_factory=list)
    set_lists: dict[int, list[str]] = field(default_factory=dict)
    houses: list[House] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    employees: list[Employee] = field(default_factory=list)
    admission_statuses: list[str] = field(default_factory=list)
