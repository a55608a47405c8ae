"""`python -m bench.seed_support MESSAGES`: chats of many people, of which one customer owns a hundredth.

Prints the tokens of that customer and of an agent who answered a tenth of all, and a long and a short open chat. Texts
are drawn from a vocabulary whose words are as unevenly common as those of a language; "the" is in every message.
"""

import json
import random
import sys
import time
from datetime import UTC, datetime

import django

django.setup()

from django.db import connection  # noqa: E402

from backend.common.principal import CUSTOMER, SUPPORT_AGENT  # noqa: E402
from backend.support.models import Chat  # noqa: E402
from backend.support.services.words import RUN, fill_words  # noqa: E402
from bench.seed import people, token_of  # noqa: E402

VOCABULARY = 20_000
TEXTS = 20_000
WORDS = 14
IN_A_CHAT = 100
OWN_IN_A_CHAT = 250

_TOPICS = """
INSERT INTO realtime_topic (key, head) SELECT 'chat.' || id, %(each)s FROM support_chat WHERE customer_id = ANY(%(ids)s)
"""
# Chats lie a day apart, messages of one chat a minute.
_EVENTS = """
INSERT INTO realtime_event (topic_id, seq, kind, author_id, payload, created_at)
SELECT t.id, n, 'message', c.customer_id,
    jsonb_build_object('user', 'Bo', 'user_id', c.customer_id, 'role', 'customer', 'attachments', '[]'::jsonb,
                       'message', x.body || ' n' || t.id || 'x' || n),
    c.created_at + n * interval '1 minute'
FROM support_chat c
JOIN realtime_topic t ON t.key = 'chat.' || c.id
CROSS JOIN generate_series(1, t.head) AS n
JOIN bench_text x ON x.id = (hashint8(t.id * 1000 + n) & 2147483647) %% %(texts)s
WHERE c.customer_id = ANY(%(ids)s)
"""
# What nobody's search looks at need not be read in, only weigh as much: rows of the index with words of other chats.
_COPIES = """
CREATE TABLE bench_words AS
SELECT id / %(run)s AS id, strip(to_tsvector('simple', string_agg(body, ' '))) AS words FROM bench_text GROUP BY 1;
CREATE UNIQUE INDEX ON bench_words (id); ANALYZE bench_words;
INSERT INTO support_chatwords (chat_id, is_desk, customer_id, first_seq, last_seq, first_at, last_at, words)
SELECT c.id, false, c.customer_id, n * %(run)s + 1, (n + 1) * %(run)s, c.created_at + n * %(run)s * interval '1 minute',
       c.created_at + (n + 1) * %(run)s * interval '1 minute', b.words
FROM support_chat c
CROSS JOIN generate_series(0, %(each)s / %(run)s - 1) AS n
JOIN bench_words b ON b.id = (hashint8(('x' || left(c.id::text, 8))::bit(32)::bigint + n) & 2147483647) %% %(words)s
WHERE c.customer_id = ANY(%(ids)s);
DELETE FROM support_chatwords w USING support_chat c
WHERE c.id = w.chat_id AND w.words IS NULL AND c.customer_id = ANY(%(ids)s);
"""


def main(messages: int) -> None:
    began = time.monotonic()
    _texts()
    own, agent = people(1, CUSTOMER)[0], people(1, SUPPORT_AGENT)[0]
    others = [user.pk for user in people(max(messages // 20_000, 2), CUSTOMER)]
    tenth = max(len(others) // 10, 1)
    each = messages * 99 // 100 // IN_A_CHAT // len(others)
    _closed_chats([own.pk], messages // 100 // OWN_IN_A_CHAT, OWN_IN_A_CHAT, None)
    _closed_chats(others[:tenth], each, IN_A_CHAT, agent.pk)
    _closed_chats(others[tenth:], each, IN_A_CHAT, None)
    lengths = [_open_chat(messages // 10), _open_chat(100)]
    stored = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_COPIES, {"each": IN_A_CHAT, "words": TEXTS // RUN, "run": RUN, "ids": others[tenth:]})
    while fill_words(chats=500, events=1_000_000):
        continue
    with connection.cursor() as cursor:
        # What a load leaves to be cleaned up is not what a message costs.
        cursor.execute("VACUUM (ANALYZE) support_chat, realtime_topic, realtime_event, support_chatwords")
    print(f"  {stored - began:.1f} s to store, {time.monotonic() - stored:.1f} s to read in", file=sys.stderr)
    json.dump(
        {"customer": token_of(own), "agent": token_of(agent), "long": lengths[0], "short": lengths[1]}, sys.stdout
    )


def _open_chat(length: int) -> dict[str, str]:
    customer, agent = people(1, CUSTOMER)[0], people(1, SUPPORT_AGENT)[0]
    chat = Chat.objects.create(customer=customer, admin=agent, assigned_at=datetime.now(UTC))
    _fill([customer.pk], length)
    return {"id": str(chat.pk), "customer": token_of(customer), "agent": token_of(agent)}


def _texts() -> None:
    chance = random.Random(1)
    common = ["the", "my", "account", "card", "please"]
    words = common + [
        "".join(chance.choices("abcdefghijklmnoprstuvz", k=chance.randint(3, 10))) for _ in range(VOCABULARY)
    ]
    texts = [
        "The " + " ".join(words[int(VOCABULARY ** chance.random()) - 1] for _ in range(WORDS)) for _ in range(TEXTS)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_text AS SELECT n - 1 AS id, body FROM unnest(%s) WITH ORDINALITY t(body, n)", [texts]
        )
        cursor.execute("CREATE UNIQUE INDEX ON bench_text (id); ANALYZE bench_text")


def _closed_chats(customers: list[int], each: int, length: int, agent: int | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO support_chat (id, customer_id, admin_id, created_at, closed_at)
               SELECT gen_random_uuid(), c, %s, now() - n * interval '1 day' - interval '1 day', now()
               FROM unnest(%s) AS c CROSS JOIN generate_series(1, %s) AS n""",
            [agent, customers, each],
        )
    _fill(customers, length)


def _fill(customers: list[int], length: int) -> None:
    """Let these people say so much in each of their chats."""
    with connection.cursor() as cursor:
        cursor.execute(_TOPICS, {"each": length, "ids": customers})
        cursor.execute("ANALYZE realtime_topic, support_chat")
        cursor.execute(_EVENTS, {"texts": TEXTS, "ids": customers})


if __name__ == "__main__":
    main(int(sys.argv[1]))
