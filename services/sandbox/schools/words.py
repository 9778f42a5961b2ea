"""
The words that made-up schools are made of. No name here is meant for a living person; numbers are from ranges kept free
for fiction.
"""

from __future__ import annotations


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIRLS = _names("""
    Ada Amara Anouk Aoife Beatrix Celia Chidera Clara Delphine Edith Elspeth Esme Farah Freya Greta Hana
    Imogen Ines Isla Jaya Juno Kezia Leila Lowri Mabel Maya Mei Nadia Nell Niamh Noor Olive Padma Petra Priya
    Rosalind Ruth Saskia Selma Sorcha Tabitha Thea Uma Una Vera Willa Xanthe Yara Zadie Zoë
""")
BOYS = _names("""
    Aldous Amir Angus Arlo Bertram Caspian Cormac Dara Dev Edmund Emeka Ewan Fergus Finn Gethin Hamza Hugo
    Idris Ivo Jarek Jonah Kai Kofi Lachlan Leif Luca Magnus Milo Nikhil Noah Obi Oscar Otis Piers Quentin Rafe
    Ravi Rhys Rowan Samir Soren Tariq Teddy Tobias Umar Vik Wilfred Xander Yusuf Zeb
""")
SHORT = {  # a name that the pupil goes by
    "Beatrix": "Bea",
    "Edith": "Edie",
    "Imogen": "Immy",
    "Rosalind": "Roz",
    "Tabitha": "Tabby",
    "Elspeth": "Elsie",
    "Bertram": "Bertie",
    "Caspian": "Cas",
    "Edmund": "Ned",
    "Fergus": "Gus",
    "Lachlan": "Lachie",
    "Nikhil": "Nik",
    "Tobias": "Toby",
    "Wilfred": "Wilf",
    "Chidera": "Chi",
    "Delphine": "Della",
    "Quentin": "Quin",
}
SURNAMES = _names("""
    Abara Adeyemi Ahlberg Alder Ashdown Bancroft Barley Bashir Beck Birch Bloom Bracken Brandt Brook Calloway
    Cedar Chandra Clement Clough Cobb Copper Crane Dale Darrow Desai Drake Eastwood Eden Elm Ember Farrow Fenn
    Fern Finch Flint Fontaine Forde Garland Gill Grove Hale Hart Haworth Hazel Heron Holloway Hussain Iqbal
    Ivers Jansen Jarvis Juniper Kapoor Kestrel Khan Lark Larkin Laurel Lindqvist Linden Lister Locke Lowry
    Maple Marlow Marsh Mbeki Mead Mensah Merle Moss Nakamura Nash Nettle O'Dell O'Shea Oak Okafor Orchard Osei
    Park Pascoe Patel Penhale Pike Quill Rahman Reed Robin Rook Rowe Rush Sable Sedge Shaw Silva Sloe Snow
    Sorrel Sparrow Stone Swift Tanaka Teal Thorne Twist Umber Vale Vance Verma Wade Weir Wells Whitlow Wren
    Yarrow York Zeller Zhou
""")
TOWNS = ("Wick", "Little Marling", "Oakhampton", "Farley Cross", "St Brannock", "Netherby", "Holm", "Thornwick")
STREETS = (
    "Low Lane",
    "Church Row",
    "Mill Road",
    "Orchard Close",
    "Station Approach",
    "The Green",
    "Rookery Walk",
    "Quay Street",
)
HOUSES = ("Elm", "Oak", "Rowan", "Yew")
NATIONALITIES = (
    "British",
    "British",
    "British",
    "British",
    "Irish",
    "Indian",
    "Nigerian",
    "French",
    "Chinese",
    "Ghanaian",
)
LANGUAGES = ("English", "English", "English", "English", "Welsh", "Hindi", "Yoruba", "French", "Mandarin", "Polish")
PROFESSIONS = ("Baker", "Surveyor", "Nurse", "Engineer", "Musician", "Accountant", "Boat builder", None, None)

# Code, name, department, and who takes it: years where all do, and years where it is a choice.
SUBJECTS = (
    ("ENG", "English", "English", range(7, 12), range(12, 14)),
    ("MAT", "Mathematics", "Mathematics", range(7, 12), range(12, 14)),
    ("SCI", "Science", "Science", range(7, 10), ()),
    ("BIO", "Biology", "Science", range(10, 12), range(12, 14)),
    ("CHE", "Chemistry", "Science", range(10, 12), range(12, 14)),
    ("PHY", "Physics", "Science", range(10, 12), range(12, 14)),
    ("HIS", "History", "Humanities", range(7, 10), range(10, 14)),
    ("GEO", "Geography", "Humanities", range(7, 10), range(10, 14)),
    ("ECO", "Economics", "Humanities", (), range(12, 14)),
    ("FRE", "French", "Languages", (), range(7, 14)),
    ("SPA", "Spanish", "Languages", (), range(7, 14)),
    ("LAT", "Latin", "Languages", (), range(7, 14)),
    ("ART", "Art", "Creative Arts", (), range(7, 14)),
    ("MUS", "Music", "Creative Arts", (), range(7, 14)),
    ("DRA", "Drama", "Creative Arts", (), range(7, 14)),
    ("COM", "Computer Science", "Technology", (), range(10, 14)),
)
CHOICES = {7: 2, 8: 2, 9: 2, 10: 3, 11: 3, 12: 4, 13: 3}  # how many of its optional subjects a pupil of the year takes
DIVISIONS = (
    ("LS", "Lower School", range(7, 10)),
    ("US", "Upper School", range(10, 12)),
    ("SF", "Sixth Form", range(12, 14)),
)
ADMISSION_STATUSES = (
    "Registered",
    "Offer made",
    "Accepted",
    "Wait-listed",
    "Withdrawn",
    "Place Not Offered",
    "Current Pupil",
    "Former Pupil",
)
