"""`python -m bench.catalog_seed N`: a catalogue of N tests of one owner, among others' and the house's, by COPY.

Words come as in a language: a few are nearly everywhere, most are rare. Prints who asks, and which words to ask for.
"""

import io
import itertools
import json
import random
import sys
import uuid

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from backend.identity.models import User  # noqa: E402
from backend.identity.services.sessions import open_session  # noqa: E402

VOCABULARY = 20_000
TAGS = 200
FEW = 200  # tests of the owner who has few, spread among the others
COLUMNS = (
    "owner_id, kind, slug, title, description, time_minutes, price, link, published_at, version, created_at, updated_at"
)
# Triggers and index come after the rows: what is measured is reading.
AFTERWARDS = """
    UPDATE catalog_item i SET search = catalog_vector(i.title, t.names, i.description)
    FROM (SELECT x.item_id, string_agg(t.name, ' ') AS names
          FROM catalog_itemtag x JOIN catalog_tag t ON t.id = x.tag_id GROUP BY x.item_id) t
    WHERE t.item_id = i.id;
    CREATE INDEX catalog_item_search ON catalog_item USING gin (search) WITH (fastupdate = off);
    ALTER TABLE catalog_item ENABLE TRIGGER USER; ALTER TABLE catalog_itemtag ENABLE TRIGGER USER;
"""


def main(count: int) -> None:
    call_command("migrate", verbosity=0)
    many, few = _person(), _person()
    words = _words()
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX catalog_item_search")
        cursor.execute(
            "ALTER TABLE catalog_item DISABLE TRIGGER USER; ALTER TABLE catalog_itemtag DISABLE TRIGGER USER"
        )
        cursor.copy_expert(f"COPY catalog_item ({COLUMNS}) FROM STDIN", _rows(count, many, few, words))
        cursor.execute(
            "INSERT INTO catalog_tag (owner_id, name) SELECT o, 'symptom' || n"
            " FROM unnest(ARRAY[%s, %s, NULL]::bigint[]) o, generate_series(0, %s) n",
            [many.pk, few.pk, TAGS - 1],
        )
        cursor.execute(
            "INSERT INTO catalog_itemtag (item_id, tag_id)"
            " SELECT i.id, t.id FROM catalog_item i"
            " CROSS JOIN LATERAL (VALUES (i.id %% %s), (i.id * 7 %% %s + 1)) n (number)"
            " JOIN catalog_tag t ON t.name = 'symptom' || n.number AND t.owner_id IS NOT DISTINCT FROM i.owner_id"
            " ON CONFLICT DO NOTHING",
            [TAGS, TAGS - 1],
        )
        cursor.execute(AFTERWARDS)
        for table in ("catalog_item", "catalog_itemtag", "catalog_tag"):
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("SELECT id FROM catalog_item WHERE owner_id = %s ORDER BY id OFFSET 30 LIMIT 1", [many.pk])
        oldest = cursor.fetchone()[0]
    made = {"many": _token(many), "few": _token(few), "words": words, "oldest": oldest}
    json.dump(made, sys.stdout)


def _person() -> User:
    email = f"{uuid.uuid4().hex}@bench.example"
    return User.objects.create(email=email, username=email, password="!", first_name="Bo")


def _token(user: User) -> str:
    return open_session(user=user, door="s1").access


def _words() -> list[str]:
    """The most frequent first."""
    dice = random.Random(1)
    return ["".join(dice.choices("abcdefghijklmnoprstuvw", k=dice.randint(4, 10))) for _ in range(VOCABULARY)]


def _rows(count: int, many: User, few: User, words: list[str]) -> io.StringIO:
    dice, weights = random.Random(2), list(itertools.accumulate(1 / (n + 5) for n in range(len(words))))
    rows = io.StringIO()

    def write(owner: str, published: str, number: int) -> None:
        said = dice.choices(words, cum_weights=weights, k=20)
        title, text = " ".join(said[:4]), " ".join(said[4:])
        fields = [
            owner,
            "diagnostic_test",
            "\\N",
            f"{title} test",
            text,
            "15",
            "12.50",
            "",
            published,
            "1",
            "now",
            "now",
        ]
        rows.write("\t".join(fields) + "\n")

    for number in range(count):
        write(str(many.pk), "\\N", number)
        if number % max(count // FEW, 1) == 0:
            write(str(few.pk), "\\N", number)
            write("\\N", "now", number)
    rows.seek(0)
    return rows


if __name__ == "__main__":
    main(int(sys.argv[1]))
