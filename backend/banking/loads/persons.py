"""Made-up people for the rows of a bank's book, which name nobody (S0-O5). Nobody lives at these addresses.

The same file and line give the same person, so a load that goes on after a fault makes whom it would have made. The
telephone numbers are those that are kept for fiction (555-0100 to 555-0199).
"""

import hashlib
from datetime import date, timedelta

FIRST = (
    *("Ada", "Adam", "Aisha", "Alan", "Alice", "Amir", "Amy", "Ana", "Andre", "Anita", "Anton", "April", "Arthur"),
    *("Beatrice", "Ben", "Bianca", "Boris", "Brenda", "Brian", "Bruno", "Carla", "Carlos", "Cecilia", "Chen", "Clara"),
    *("Daniel", "Daria", "David", "Deborah", "Diego", "Dora", "Edgar", "Elena", "Eli", "Elsa", "Emil", "Emma", "Erik"),
    *("Esther", "Eva", "Fatima", "Felix", "Fiona", "Frank", "Gabriel", "Gloria", "Grace", "Greta", "Hana", "Harold"),
    *("Helen", "Henry", "Hugo", "Ida", "Igor", "Ines", "Irene", "Isaac", "Ivan", "Jacob", "James", "Jane", "Jasmin"),
    *("Joan", "Jonas", "Jorge", "Julia", "Karim", "Kate", "Keiko", "Kevin", "Lara", "Laura", "Leo", "Lin", "Louis"),
    *("Lucy", "Luis", "Magda", "Marco", "Maria", "Mark", "Martha", "Max", "Maya", "Mei", "Miguel", "Mira", "Nadia"),
    *("Naomi", "Nathan", "Nina", "Noah", "Nora", "Olga", "Oliver", "Omar", "Oscar", "Pablo", "Paul", "Petra", "Priya"),
    *("Rachel", "Ralph", "Ravi", "Rita", "Robert", "Rosa", "Ruth", "Samuel", "Sara", "Simon", "Sofia", "Sven", "Tara"),
    *("Teresa", "Thomas", "Tina", "Tomas", "Uma", "Vera", "Victor", "Walter", "Wendy", "Yara", "Yusuf", "Zoe"),
)
LAST = (
    *("Abbott", "Adeyemi", "Ahmed", "Almeida", "Alvarez", "Andersen", "Baker", "Banerjee", "Barnes", "Bauer", "Becker"),
    *("Berg", "Bianchi", "Blake", "Brandt", "Brooks", "Bryant", "Burke", "Carter", "Castro", "Chan", "Clarke", "Cole"),
    *("Collins", "Conti", "Cooper", "Costa", "Cruz", "Dalton", "Daniels", "Dias", "Dixon", "Dubois", "Eklund", "Ellis"),
    *("Evans", "Farah", "Ferrari", "Fisher", "Flores", "Fonseca", "Foster", "Fuchs", "Garcia", "Gibson", "Gomez"),
    *("Graham", "Grant", "Gupta", "Haas", "Hansen", "Harper", "Hassan", "Hayes", "Holt", "Horvat", "Hughes", "Ibrahim"),
    *("Ito", "Ivanov", "Jansen", "Jensen", "Johnston", "Kaya", "Keller", "Khan", "Kim", "Klein", "Kowalski", "Kumar"),
    *("Lambert", "Larsen", "Lee", "Leroy", "Lindgren", "Lopes", "Marino", "Martin", "Mason", "Meyer", "Miller", "Mori"),
    *("Morgan", "Moreau", "Mwangi", "Nakamura", "Nguyen", "Nielsen", "Novak", "Okafor", "Olsen", "Ortiz", "Owens"),
    *("Park", "Patel", "Pereira", "Peters", "Popescu", "Price", "Quinn", "Ramos", "Reed", "Reyes", "Ricci", "Rossi"),
    *("Russell", "Sato", "Schmidt", "Shah", "Silva", "Singh", "Soto", "Stone", "Suzuki", "Tanaka", "Torres", "Vargas"),
    *("Vogel", "Wagner", "Walsh", "Weber", "Wong", "Wright", "Yamada", "Young", "Zhang", "Zimmer"),
)
STREETS = (
    *("Alder", "Ash", "Beacon", "Birch", "Bridge", "Canal", "Cedar", "Chapel", "Cherry", "Church", "Cliff", "Elm"),
    *("Field", "Forest", "Garden", "Grove", "Harbor", "Hazel", "Hill", "Juniper", "Lake", "Laurel", "Linden", "Main"),
    *("Maple", "Market", "Meadow", "Mill", "North", "Oak", "Orchard", "Park", "Pine", "Pond", "Prospect", "Quarry"),
    *("Ridge", "River", "School", "South", "Spring", "Station", "Summit", "Sycamore", "Union", "Valley", "View"),
    *("Walnut", "Water", "Willow", "Wood"),
)
KINDS = ("Avenue", "Court", "Drive", "Lane", "Place", "Road", "Street", "Way")
# City, state, the first three digits of its postal codes, a telephone area.
PLACES = (
    *(("Phoenix", "Arizona", "850", "602"), ("Denver", "Colorado", "802", "303"), ("Hartford", "Connecticut", "061")),
    *(("Orlando", "Florida", "328", "407"), ("Atlanta", "Georgia", "303", "404"), ("Boise", "Idaho", "837", "208")),
    *(("Chicago", "Illinois", "606", "312"), ("Wichita", "Kansas", "672", "316"), ("Portland", "Maine", "041", "207")),
    *(("Boston", "Massachusetts", "021", "617"), ("Detroit", "Michigan", "482", "313"), ("Omaha", "Nebraska", "681")),
    *(("Reno", "Nevada", "895", "775"), ("Newark", "New Jersey", "071", "973"), ("Albany", "New York", "122", "518")),
    *(("Raleigh", "North Carolina", "276", "919"), ("Columbus", "Ohio", "432", "614"), ("Salem", "Oregon", "973")),
    *(("Tulsa", "Oklahoma", "741", "918"), ("Memphis", "Tennessee", "381", "901"), ("Austin", "Texas", "787", "512")),
    *(("Provo", "Utah", "846", "801"), ("Norfolk", "Virginia", "235", "757"), ("Tacoma", "Washington", "984", "253")),
)
AREA = "202"
COUNTRY = "United States"
DAYS_BACK = 30 * 365


class Persons:
    """Makes up the person of each line of a file, as tab-separated cells in the order of `COLUMNS`."""

    COLUMNS = ("first_name", "last_name", "phone", "address", "city", "state", "zip_code", "country")

    def __init__(self, seed: bytes, today: date) -> None:
        self._seed = seed[:64]
        self._days = [(today - timedelta(days=back)).isoformat() for back in range(DAYS_BACK)]

    def of(self, line: int) -> tuple[str, str, bool]:
        """Return the cells of a person, the day on which their account was opened, and whether it is active."""
        digest = hashlib.blake2b(line.to_bytes(8), digest_size=24, key=self._seed).digest()
        one, two, three = int.from_bytes(digest[:8]), int.from_bytes(digest[8:16]), int.from_bytes(digest[16:])
        city, state, postal, *area = PLACES[one % 24]
        one //= 24
        cells = (
            f"{FIRST[two % len(FIRST)]}\t{LAST[two // 1000 % len(LAST)]}\t"
            f"+1-{area[0] if area else AREA}-555-01{one % 100:02}\t"
            f"{one // 100 % 990 + 10} {STREETS[three % len(STREETS)]} {KINDS[three // 1000 % 8]}\t"
            f"{city}\t{state}\t{postal}{one // 100_000 % 100:02}\t{COUNTRY}"
        )
        return cells, self._days[two // 10**6 % DAYS_BACK], three // 10**6 % 2 == 1


def bank_name(seed: bytes) -> str:
    """Make up the name of a bank; the same seed gives the same one."""
    one, two = seed[0], seed[1]
    return f"{STREETS[one % len(STREETS)]} Bank of {PLACES[two % len(PLACES)][0]}"
