"""What is drawn for a made-up school, one thing at a time: names, addresses, numbers, days. All invented."""

from __future__ import annotations

import random
import unicodedata
from datetime import date, timedelta
from uuid import UUID

from services.sandbox.isams.records import HomeAddress, Student
from services.sandbox.schools import words


class Draws:
    """
    Each call draws anew, so that the order of the calls is part of what comes out. ``domain``: of the school's e-mail
    addresses; ``year``: the calendar year in which the school year starts.
    """

    def __init__(self, source: random.Random, domain: str, year: int) -> None:
        self.random, self.domain, self.year = source, domain, year
        self.emails: set[str] = set()
        self.number = 1000

    def person(self, sibling: Student | None) -> tuple[str, str, str, str]:
        gender = self.random.choice("FM")
        surname = sibling.surname if sibling and sibling.surname else self.random.choice(words.SURNAMES)
        return gender, "Miss" if gender == "F" else "Mr", self.forename(gender), surname

    def forename(self, gender: str) -> str:
        return self.random.choice(words.GIRLS if gender == "F" else words.BOYS)

    def email(self, forename: str, surname: str) -> str:
        """A school address that nobody else here has: ``ada.fern``, then ``ada.fern2``."""
        base = f"{plain(forename)}.{plain(surname)}"
        local, number = base, 1
        while local in self.emails:
            number += 1
            local = f"{base}{number}"
        self.emails.add(local)
        return f"{local}@{self.domain}"

    def address(self, number: int) -> HomeAddress:
        return HomeAddress(
            id=number,
            address1=f"{self.random.randint(1, 90)} {self.random.choice(words.STREETS)}",
            town=self.random.choice(words.TOWNS),
            postcode=f"ZZ{self.random.randint(1, 9)} {self.random.randint(1, 9)}ZZ",
            country="United Kingdom",
        )

    def mobile(self) -> str:
        return f"07700 900{self.random.randint(0, 999):03d}"

    def guid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def day(self, first: date, days: int) -> str:
        return f"{first + timedelta(days=self.random.randrange(days))}T00:00:00"

    def stamp(self) -> str:
        day = date(self.year, 8, 1) + timedelta(days=self.random.randrange(60))
        return f"{day}T{self.random.randint(7, 18):02d}:30:11Z"

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def next_number(self) -> int:
        self.number += 1
        return self.number


def plain(name: str) -> str:
    """A name as an e-mail address has it: its letters and digits in lower case, without accents."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in ascii_name.lower() if letter.isalnum())
