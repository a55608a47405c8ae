"""What counts as a word, for the index and for what is looked for.

PostgreSQL's configuration `simple`: customers write in many languages, so nothing is stemmed and nothing is too common
to be found. Punctuation that its parser would make larger tokens with (addresses, numbers, tags) becomes spaces, one
for one: "ana@example.com" is three words, each of which finds it, and a place in the changed text is the same place in
the text.
"""

import re
from dataclasses import dataclass

from django.db import connection

from backend.support.errors import NothingToFind

QUERY_MAX = 200
KINDS = ("message", "note")
HIT_BEGINS, HIT_ENDS = "\ue000", "\ue001"

_GONE = "@./-_&<>+" + HIT_BEGINS + HIT_ENDS  # no more than needed: each character costs with every message
# Both are pieces of SQL over `e`, a stored event. Withdrawn messages have no text.
TEXT = f"translate(coalesce(e.payload->>'message', ''), '{_GONE}', '{' ' * len(_GONE)}')"
WORDS = f"to_tsvector('simple', {TEXT})"
IS_SAID = "e.kind IN (" + ", ".join(f"'{kind}'" for kind in KINDS) + ")"

_QUERY = """
    SELECT wanted::text, querytree(wanted) FROM (
        SELECT (nullif(websearch_to_tsquery('simple', %s)::text, '') || %s)::tsquery AS wanted
    ) parsed
"""
# In a search, quotes and a minus before a word mean something; all else that is not a word parts words.
_PUNCTUATION = re.compile(r'[^\w\s"-]|_|(?<=\S)-')
_LEXEME = re.compile(r"'(\w+)'")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A parsed search. `nearby` is what a run of messages must contain for one of them to match `exactly`.

    `parts` are patterns for the text of every message that matches: to try them first spares reading most of the
    others, where several common words are wanted.
    """

    exactly: str
    nearby: str
    parts: list[str]


def parse(text: str) -> Wanted:
    """Read what somebody typed: words, "quoted phrases", or, -without; the last word may be just its beginning.

    Raises: NothingToFind, where no word has to be there.
    """
    if len(text) > QUERY_MAX or _UNSTORABLE.search(text):
        raise NothingToFind
    plain = _PUNCTUATION.sub(" ", text)
    last = plain.split(" ")[-1] if plain.count('"') % 2 == 0 else ""
    unfinished = bool(last) and not last.startswith("-") and '"' not in last and last.lower() != "or"
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, [plain, ":*" if unfinished else ""])
        exactly, nearby = cursor.fetchone()
    if not nearby or nearby == "T":
        raise NothingToFind
    parts = [] if "|" in nearby else [f"%{lexeme}%" for lexeme in _LEXEME.findall(nearby)]
    return Wanted(exactly, re.sub(r"<(-|\d+)>", "&", nearby), parts)


def topic_sql(row: str) -> str:
    """Return SQL for the key of the topic that a row with `chat_id` and `is_desk` is about."""
    return f"'chat.' || {row}.chat_id || CASE WHEN {row}.is_desk THEN '.desk' ELSE '' END"
