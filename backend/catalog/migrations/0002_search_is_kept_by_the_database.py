"""What searching needs, kept by the database itself: words folded, vectors made, queries built, tags included.

Each word is stored twice: as it is written, for prefixes (`fatig` finds fatigue), and as its English stem, for other
forms (`studies` finds study). Accents and case are folded by `normalize`, since `unaccent` would be an extension.
Nothing here touches rows that are there, and the tables are new: no lock is felt.
"""

from django.db import migrations

FUNCTIONS = r"""
CREATE FUNCTION catalog_fold(written text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT regexp_replace(
        regexp_replace(normalize(lower(written), NFKD), '[\u0300-\u036f]', '', 'g'), '[^[:alnum:]]+', ' ', 'g')
$$;

CREATE FUNCTION catalog_words(written text, weight "char") RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('simple', folded) || to_tsvector('english', folded), weight)
    FROM (SELECT catalog_fold(coalesce(written, '')) AS folded) AS once
$$;

CREATE FUNCTION catalog_vector(title text, tags text, description text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT catalog_words(title, 'A') || catalog_words(tags, 'B') || catalog_words(description, 'D')
$$;

-- All words (or any), each as a prefix or in another form. Words like "the" count only where there are no others.
-- A single ASCII character is no prefix: "vitamin d" asks for the letter.
CREATE FUNCTION catalog_query(asked text, any_word boolean) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    word text;
    stems text[];
    one tsquery;
    said tsquery;
    small tsquery;
BEGIN
    FOREACH word IN ARRAY (string_to_array(btrim(catalog_fold(asked)), ' '))[1:12] LOOP
        one := to_tsquery('simple', quote_literal(word) || CASE WHEN word ~ '^[ -~]$' THEN '' ELSE ':*' END);
        stems := ts_lexize('english_stem', word);
        IF stems = '{}' THEN
            small := CASE WHEN small IS NULL THEN one WHEN any_word THEN small || one ELSE small && one END;
            CONTINUE;
        END IF;
        IF stems[1] <> word THEN
            one := one || quote_literal(stems[1])::tsquery;
        END IF;
        said := CASE WHEN said IS NULL THEN one WHEN any_word THEN said || one ELSE said && one END;
    END LOOP;
    RETURN coalesce(said, small);  -- Null without any word: it finds nothing.
END
$$;

CREATE FUNCTION catalog_item_search_of_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.search := catalog_vector(
        NEW.title,
        (SELECT string_agg(t.name, ' ' ORDER BY t.id)
         FROM catalog_itemtag x JOIN catalog_tag t ON t.id = x.tag_id WHERE x.item_id = NEW.id),
        NEW.description);
    RETURN NEW;
END
$$;

CREATE FUNCTION catalog_search_again(items bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE catalog_item i
    SET search = catalog_vector(
        i.title,
        (SELECT string_agg(t.name, ' ' ORDER BY t.id)
         FROM catalog_itemtag x JOIN catalog_tag t ON t.id = x.tag_id WHERE x.item_id = i.id),
        i.description)
    WHERE i.id = ANY (items)
$$;

CREATE FUNCTION catalog_itemtag_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND EXISTS (
        SELECT FROM changed c JOIN catalog_item i ON i.id = c.item_id JOIN catalog_tag t ON t.id = c.tag_id
        WHERE i.owner_id IS DISTINCT FROM t.owner_id)
    THEN
        RAISE EXCEPTION 'an item carries tags of its own owner only'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'catalog_item_tag_of_same_owner';
    END IF;
    PERFORM catalog_search_again(ARRAY(SELECT DISTINCT item_id FROM changed));
    RETURN NULL;
END
$$;

CREATE FUNCTION catalog_tag_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM catalog_search_again(ARRAY(SELECT item_id FROM catalog_itemtag WHERE tag_id = NEW.id));
    RETURN NULL;
END
$$;
"""

TRIGGERS = """
CREATE TRIGGER catalog_item_search BEFORE INSERT OR UPDATE OF title, description ON catalog_item
    FOR EACH ROW EXECUTE FUNCTION catalog_item_search_of_item();
CREATE TRIGGER catalog_itemtag_added AFTER INSERT ON catalog_itemtag
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog_itemtag_changed();
CREATE TRIGGER catalog_itemtag_removed AFTER DELETE ON catalog_itemtag
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog_itemtag_changed();
CREATE TRIGGER catalog_tag_renamed AFTER UPDATE OF name ON catalog_tag
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION catalog_tag_renamed();
"""

AWAY = """
DROP TRIGGER catalog_tag_renamed ON catalog_tag;
DROP TRIGGER catalog_itemtag_removed ON catalog_itemtag;
DROP TRIGGER catalog_itemtag_added ON catalog_itemtag;
DROP TRIGGER catalog_item_search ON catalog_item;
DROP FUNCTION catalog_tag_renamed();
DROP FUNCTION catalog_itemtag_changed();
DROP FUNCTION catalog_search_again(bigint[]);
DROP FUNCTION catalog_item_search_of_item();
DROP FUNCTION catalog_query(text, boolean);
DROP FUNCTION catalog_vector(text, text, text);
DROP FUNCTION catalog_words(text, "char");
DROP FUNCTION catalog_fold(text);
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_items_and_tags")]

    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, AWAY)]
