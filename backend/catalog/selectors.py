"""Reading the catalogue. Every function says for whom; lists cost the same number of queries however long they are."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from backend.catalog.errors import ArticleUnknown, ImageUnknown, ItemUnknown, TagUnknown, TestUnknown
from backend.catalog.models import Item, ItemImage, ItemTag, Tag
from backend.common.principal import Principal

TEST, ARTICLE = Item.Kind.DIAGNOSTIC_TEST, Item.Kind.HELP_ARTICLE

LIST_MAX = 1_000  # of a list that is documented without pages
FOUND_MAX = 100  # of such a list when it is searched
# Of a word that is nearly everywhere, so many of the newest are ranked: nobody reads further, and ranking reads rows.
RANKED_MAX = 400

TEST_FIELDS = ("id", "title", "time_minutes", "price", "link")
ITEM_FIELDS = (*TEST_FIELDS, "kind", "slug", "owner_id", "published_at", "updated_at", "image__width")
ARTICLE_FIELDS = ("id", "slug", "title", "published_at", "created_at", "updated_at", "version", "image__width")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shall hold: own items, published ones or both; all conditions at once."""

    owner_id: int | None = None
    published: bool = False
    drafts: bool = False
    kind: str = ""
    query: str = ""
    any_word: bool = False
    tag_ids: Sequence[int] = ()
    tag_names: Sequence[str] = ()


def list_tests(
    *, actor: Principal, query: str = "", tag_ids: Sequence[int] = (), after: int | None = None, limit: int
) -> list[dict[str, Any]]:
    """The caller's own tests: newest first (S3-R6), or the best first when searched. All tags must be there (S3-B4).

    `after` is the id of the last one shown, or when searched how many were shown. Three queries.
    """
    wanted = Wanted(owner_id=actor.id, kind=TEST, query=query, tag_ids=tag_ids)
    return rows_of(find_ids(wanted, after=after, limit=limit), TEST_FIELDS)


def get_test(*, actor: Principal, test_id: int) -> dict[str, Any]:
    """Return one of the caller's own tests with its description. Raises: TestUnknown."""
    own = Item.objects.filter(pk=test_id, owner_id=actor.id, kind=TEST)
    return _only(own, (*TEST_FIELDS, "description"), TestUnknown())


def list_tags(*, actor: Principal, after: str | None = None, limit: int) -> list[dict[str, Any]]:
    """The caller's own tags, by name from Z to A (S3-R12)."""
    own = Tag.objects.filter(owner_id=actor.id).order_by("-name")
    if after is not None:
        own = own.filter(name__lt=after)
    return [{"id": pk, "name": name} for pk, name in own.values_list("id", "name")[:limit]]


def get_tag(*, actor: Principal, tag_id: int) -> Tag:
    """Return one of the caller's own tags. Raises: TagUnknown."""
    tag = Tag.objects.filter(pk=tag_id, owner_id=actor.id).first()
    if tag is None:
        raise TagUnknown
    return tag


def list_items(*, actor: Principal, wanted: Wanted, after: int | None = None, limit: int) -> list[dict[str, Any]]:
    """What the caller finds in the catalogue: their own tests, and what the house published."""
    visible = replace(wanted, owner_id=actor.id, published=True)
    return rows_of(find_ids(visible, after=after, limit=limit), ITEM_FIELDS)


def get_item(*, actor: Principal, item_id: int) -> dict[str, Any]:
    """Return an item that the caller finds in the catalogue, with its description. Raises: ItemUnknown."""
    return _only(visible_to(actor).filter(pk=item_id), (*ITEM_FIELDS, "description"), ItemUnknown())


def get_image(*, actor: Principal, item_id: int) -> ItemImage:
    """Return the picture of an item that the caller finds in the catalogue; staff see those of drafts, too.

    Raises: ItemUnknown, ImageUnknown.
    """
    seen = visible_to(actor)
    if actor.is_staff or actor.is_superuser:
        seen = seen | Item.objects.filter(owner_id=None)
    if not seen.filter(pk=item_id).exists():
        raise ItemUnknown
    image = ItemImage.objects.filter(item_id=item_id).select_related("file").first()
    if image is None:
        raise ImageUnknown
    return image


def visible_to(actor: Principal) -> QuerySet[Item]:
    return Item.objects.filter(Q(owner_id=actor.id) | Q(owner_id=None, published_at__isnull=False))


def list_articles(*, wanted: Wanted, drafts: bool, after: int | None = None, limit: int) -> list[dict[str, Any]]:
    """Help articles, newest first, or the best first when searched; `drafts` for those that are not published."""
    wanted = replace(wanted, published=not drafts, drafts=drafts, kind=ARTICLE)
    return rows_of(find_ids(wanted, after=after, limit=limit), (*ARTICLE_FIELDS, "description"))


def get_article(*, slug: str, drafts: bool) -> dict[str, Any]:
    """Return an article by its address. Raises: ArticleUnknown, also for a draft unless `drafts` are meant too."""
    found = Item.objects.filter(kind=ARTICLE, slug=slug)
    if not drafts:
        found = found.filter(published_at__isnull=False)
    return _only(found, (*ARTICLE_FIELDS, "description"), ArticleUnknown())


@dataclass(frozen=True, slots=True)
class HelpArticle:
    """A published article, as other parts of the product read it."""

    id: int
    slug: str
    title: str
    description: str
    tags: tuple[str, ...]


def find_help_articles(*, query: str, limit: int = 5) -> list[HelpArticle]:
    """Return the published articles that answer a question best, in a person's own words.

    Any of its words counts, the more the better; nothing that shares none. For the assistant and the console.
    """
    wanted = Wanted(query=query, any_word=True)
    rows = list_articles(wanted=wanted, drafts=False, limit=limit) if query.strip() else []
    return [
        HelpArticle(row["id"], row["slug"], row["title"], row["description"], tuple(tag["name"] for tag in row["tags"]))
        for row in rows
    ]


def rows_of(ids: Sequence[int], fields: Sequence[str]) -> list[dict[str, Any]]:
    """Return these items in this order, each with its tags. Two queries."""
    found = {row["id"]: row for row in Item.objects.filter(pk__in=ids).values(*fields)} if ids else {}
    tags = tags_of(found)
    return [_with_image({**found[pk], "tags": tags[pk]}) for pk in ids if pk in found]


def tags_of(ids: Iterable[int]) -> defaultdict[int, list[dict[str, Any]]]:
    """Return the tags of each item, oldest first. One query."""
    tags: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    carried = ItemTag.objects.filter(item_id__in=list(ids)).order_by("tag_id")
    for item_id, tag_id, name in carried.values_list("item_id", "tag_id", "tag__name"):
        tags[item_id].append({"id": tag_id, "name": name})
    return tags


def _only(rows: QuerySet[Item], fields: Sequence[str], missing: Exception) -> dict[str, Any]:
    row: Any = rows.values(*fields).first()
    if row is None:
        raise missing
    return _with_image({**row, "tags": tags_of([row["id"]])[row["id"]]})


def _with_image(row: dict[str, Any]) -> dict[str, Any]:
    """Say whether the item has a picture, in rows that were asked for it."""
    if "image__width" in row:
        row["has_image"] = row.pop("image__width") is not None
    return row


def find_ids(wanted: Wanted, *, after: int | None, limit: int) -> list[int]:
    """Return the ids of what is wanted, in order, in one query.

    Why SQL: each scope stops by itself at its newest rows and has an index of its own; an OR over both would read and
    sort everything. Words that are rare are looked up in the index, frequent ones are met on the way: the planner
    knows from its statistics of `search` which is cheaper.
    """
    asked = "catalog_query(%s, %s)"
    conditions, values = _conditions(wanted, after)
    most = RANKED_MAX if wanted.query else limit
    branch = "(SELECT i.id, i.search FROM catalog_item i WHERE {} {} ORDER BY i.id DESC LIMIT {})"
    branches = [branch.format(scope, conditions, most) for scope in _scopes(wanted)]
    parameters: list[Any] = values * len(branches)
    order, offset = "id DESC", 0
    if wanted.query:
        order, offset = f"ts_rank(search, {asked}) DESC, id DESC", after or 0
        parameters += [wanted.query, wanted.any_word]
    both = " UNION ALL ".join(branches)
    statement = f"SELECT id FROM ({both}) found ORDER BY {order} LIMIT %s OFFSET %s"  # noqa: S608 - our own words
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, limit, offset])
        return [row[0] for row in cursor.fetchall()]


def _scopes(wanted: Wanted) -> list[str]:
    scopes = []
    if wanted.owner_id is not None:
        scopes.append(f"i.owner_id = {int(wanted.owner_id)}")
    if wanted.published:
        scopes.append("i.owner_id IS NULL AND i.published_at IS NOT NULL")
    if wanted.drafts:
        scopes.append("i.owner_id IS NULL AND i.published_at IS NULL")
    return scopes


def _conditions(wanted: Wanted, after: int | None) -> tuple[str, list[Any]]:
    parts: list[tuple[str, list[Any]]] = []
    if wanted.kind:
        parts.append(("i.kind = %s", [wanted.kind]))
    if wanted.query:
        parts.append(("i.search @@ catalog_query(%s, %s)", [wanted.query, wanted.any_word]))
    elif after is not None:
        parts.append(("i.id < %s", [after]))
    parts += [
        ("EXISTS (SELECT FROM catalog_itemtag x WHERE x.item_id = i.id AND x.tag_id = %s)", [tag_id])
        for tag_id in wanted.tag_ids
    ]
    by_name = "SELECT FROM catalog_itemtag x JOIN catalog_tag t ON t.id = x.tag_id WHERE x.item_id = i.id"
    parts += [(f"EXISTS ({by_name} AND lower(t.name) = lower(%s))", [name]) for name in wanted.tag_names]
    return "".join(f" AND {sql}" for sql, _ in parts), [value for _, values in parts for value in values]


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Tests that carry some of the tags asked for, the best first; and what nobody here calls a tag."""

    rows: list[dict[str, Any]]
    unknown: list[str]


_RECOMMEND = """
SELECT i.id, i.title, i.time_minutes, i.price, i.link, i.owner_id,
    array_agg(DISTINCT lower(t.name)) AS hits,
    (SELECT json_agg(json_build_object('id', c.id, 'name', c.name) ORDER BY c.id)::text
     FROM catalog_itemtag y JOIN catalog_tag c ON c.id = y.tag_id WHERE y.item_id = i.id) AS tags
FROM catalog_tag t
JOIN catalog_itemtag x ON x.tag_id = t.id
JOIN catalog_item i ON i.id = x.item_id
WHERE lower(t.name) = ANY (%s) AND (t.owner_id = %s OR t.owner_id IS NULL)
    AND i.kind = %s AND (i.owner_id = %s OR i.published_at IS NOT NULL)
GROUP BY i.id
ORDER BY count(DISTINCT lower(t.name)) DESC, (SELECT count(*) FROM catalog_itemtag z WHERE z.item_id = i.id), i.id DESC
LIMIT %s
"""


def recommend_tests(
    *, actor: Principal, tag_ids: Sequence[int] = (), tag_names: Sequence[str] = (), limit: int
) -> Recommendations:
    """Return the tests that fit a patient's symptoms and history best (S3-B5): own ones and the house's published.

    The score is the share of the asked tags that a test carries; of equal ones those come first that carry least
    else, then the newest. Names count in any case; an id stands for its tag's name. Two queries.
    """
    asked, unknown = _asked_tags(actor, tag_ids, tag_names)
    if not asked:
        return Recommendations([], unknown)
    with connection.cursor() as cursor:
        cursor.execute(_RECOMMEND, [list(asked), actor.id, TEST, actor.id, limit])
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    return Recommendations([_scored(row, asked, len(asked) + len(unknown)) for row in found], unknown)


def _scored(row: dict[str, Any], asked: dict[str, str], number: int) -> dict[str, Any]:
    matched = [name for small, name in asked.items() if small in row["hits"]]
    return {
        **{name: row[name] for name in TEST_FIELDS},
        "tags": json.loads(row["tags"]),
        "is_own": row["owner_id"] is not None,
        "score": round(len(matched) / number, 2),
        "matched": matched,
        "reason": f"matches {len(matched)} of {number}: {', '.join(matched)}",
    }


def _asked_tags(actor: Principal, ids: Sequence[int], names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the tags that are meant, as lower-case name to the name shown, and what is no tag here."""
    visible = Tag.objects.filter(Q(owner_id=actor.id) | Q(owner_id=None)).annotate(small=Lower("name"))
    said = {name.lower(): name for name in names}
    found = visible.filter(Q(pk__in=ids) | Q(small__in=said)).values_list("pk", "small", "name")
    by_id = {pk: (small, name) for pk, small, name in found}
    known = {small for small, _ in by_id.values()}
    meant = dict(by_id[pk] for pk in ids if pk in by_id) | {small: said[small] for small in said if small in known}
    unknown = [str(pk) for pk in ids if pk not in by_id] + [name for small, name in said.items() if small not in known]
    return meant, unknown
