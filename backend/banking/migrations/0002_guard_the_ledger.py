"""What no Python may break about the ledger, and the one function that writes it.

Rules in triggers hold for everybody who writes: services, loads by COPY, a person with a shell. `manage.py
verify_ledger` says when one of them is gone. The tables are new, so nothing is locked that anybody uses.
"""

from django.db import migrations

RULES = """
-- Postings and entries are for ever. ALWAYS: not even a session in replica mode gets past.
CREATE FUNCTION banking_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger only grows: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- Which transaction made a posting is the database's to say.
CREATE FUNCTION banking_posting_is_stamped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xid := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER banking_posting_is_stamped BEFORE INSERT ON banking_posting
    FOR EACH ROW EXECUTE FUNCTION banking_posting_is_stamped();

-- Once for each posting, when its transaction commits. What has been checked takes no more entries: the second trigger
-- reads the mark, which a rollback to a savepoint takes back along with the rows.
CREATE FUNCTION banking_posting_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    SELECT sum(n) AS entries, bool_and(total = 0) AS balances INTO found FROM (
        SELECT count(*) AS n, sum(amount) AS total FROM banking_entry
        WHERE posting_id = NEW.id GROUP BY bank_id, currency) AS sides;
    IF found.entries IS NULL OR found.entries < 2 OR NOT found.balances THEN
        RAISE EXCEPTION 'the entries of posting % do not sum to zero for each bank and currency, or are too few', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'banking_posting_balances', TABLE = 'banking_posting';
    END IF;
    PERFORM set_config('ease.posting_checked', NEW.id::text, true);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER banking_posting_balances AFTER INSERT ON banking_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION banking_posting_balances();

CREATE FUNCTION banking_entry_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked bigint := coalesce(nullif(current_setting('ease.posting_checked', true), ''), '0')::bigint;
    stray bigint;
BEGIN
    SELECT e.posting_id INTO stray FROM added e
    LEFT JOIN banking_posting p ON p.id = e.posting_id AND p.xid = pg_current_xact_id()::text::bigint
    WHERE p.id IS NULL OR p.id <= checked LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting % was made before, and takes no more entries', stray
            USING ERRCODE = 'check_violation', CONSTRAINT = 'banking_entry_belongs', TABLE = 'banking_entry';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER banking_entry_belongs AFTER INSERT ON banking_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION banking_entry_belongs();

ALTER TABLE banking_posting ENABLE ALWAYS TRIGGER banking_posting_is_stamped;
ALTER TABLE banking_posting ENABLE ALWAYS TRIGGER banking_posting_balances;
ALTER TABLE banking_entry ENABLE ALWAYS TRIGGER banking_entry_belongs;
"""

GUARDED = ("banking_posting", "banking_entry")


def guard(table: str) -> str:
    return f"""
CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION banking_refuse();
CREATE TRIGGER {table}_is_never_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION banking_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_only_grows;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_is_never_emptied;
"""


# One round trip under the locks. The caller says what each balance is and becomes; one that is another by now ends it
# all. Lines are told by position: the account, or the kind of the bank's own account (made where it is missing).
POST = """
CREATE FUNCTION banking_post(
    bank uuid, kind text, booked_on date, at timestamptz, actor bigint, reverses bigint, memo text, currency text,
    accounts uuid[], befores numeric[], afters numeric[],
    line_banks uuid[], line_accounts uuid[], line_kinds text[], line_amounts numeric[], line_afters numeric[],
    OUT posting bigint, OUT xid bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    changed bigint;
BEGIN
    UPDATE banking_account a SET balance = m.after, updated_at = $4
    FROM unnest(accounts, befores, afters) AS m(account, before, after)
    WHERE a.account_id = m.account AND a.balance = m.before;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> cardinality(accounts) THEN
        RAISE EXCEPTION 'a balance is not what the posting was made from' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    INSERT INTO banking_internalaccount (bank_id, kind, currency)
    SELECT DISTINCT l.bank, l.kind, $8 FROM unnest(line_banks, line_kinds) AS l(bank, kind)
    WHERE l.kind IS NOT NULL AND NOT EXISTS (
        SELECT FROM banking_internalaccount i WHERE (i.bank_id, i.kind, i.currency) = (l.bank, l.kind, $8))
    ON CONFLICT DO NOTHING;

    INSERT INTO banking_posting AS made (bank_id, kind, booked_on, at, actor_id, reverses_id, memo, xid)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0) RETURNING made.id, made.xid INTO posting, xid;

    INSERT INTO banking_entry (posting_id, bank_id, account_id, internal_account_id, amount, currency, balance_after)
    SELECT posting, l.bank, l.account, i.id, l.amount, $8, l.after
    FROM unnest(line_banks, line_accounts, line_kinds, line_amounts, line_afters)
        WITH ORDINALITY AS l(bank, account, kind, amount, after, place)
    LEFT JOIN banking_internalaccount i ON (i.bank_id, i.kind, i.currency) = (l.bank, l.kind, $8)
    ORDER BY l.place;
END $$;
"""

UNDO = """
DROP FUNCTION banking_post(uuid, text, date, timestamptz, bigint, bigint, text, text,
    uuid[], numeric[], numeric[], uuid[], uuid[], text[], numeric[], numeric[]);
DROP FUNCTION banking_refuse() CASCADE;
DROP FUNCTION banking_posting_is_stamped() CASCADE;
DROP FUNCTION banking_posting_balances() CASCADE;
DROP FUNCTION banking_entry_belongs() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("banking", "0001_initial")]

    operations = [
        migrations.RunSQL(sql=RULES + "".join(map(guard, GUARDED)) + POST, reverse_sql=UNDO),
    ]
