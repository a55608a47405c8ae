"""How long chats rest, how long they were closed in between, and whom they left: kept by the row itself.

A trigger, because several services snooze, wake, close, reopen and hand over, and a message of the customer wakes a
chat in the statement that stores it. It runs only when one of these columns is written.
"""

from django.db import migrations

FOLLOW = """
CREATE FUNCTION support_times_follow_chat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.snoozed_until IS DISTINCT FROM OLD.snoozed_until THEN
        IF OLD.snoozed_at IS NOT NULL THEN
            NEW.snoozed_for := OLD.snoozed_for
                + greatest(least(clock_timestamp(), OLD.snoozed_until) - OLD.snoozed_at, interval '0');
        END IF;
        NEW.snoozed_at := CASE WHEN NEW.snoozed_until IS NOT NULL THEN clock_timestamp() END;
    END IF;
    IF OLD.closed_at IS NOT NULL AND NEW.closed_at IS NULL THEN
        NEW.away_for := OLD.away_for + greatest(clock_timestamp() - OLD.closed_at, interval '0');
    ELSIF OLD.admin_id IS NOT NULL AND NEW.admin_id IS DISTINCT FROM OLD.admin_id THEN
        INSERT INTO support_handover (chat_id, from_agent, to_agent, at)
        VALUES (NEW.id, OLD.admin_id, NEW.admin_id, clock_timestamp());
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER support_times_follow_chat BEFORE UPDATE OF admin_id, closed_at, snoozed_until ON support_chat
    FOR EACH ROW EXECUTE FUNCTION support_times_follow_chat();
"""

UNFOLLOW = """
DROP TRIGGER support_times_follow_chat ON support_chat;
DROP FUNCTION support_times_follow_chat();
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0007_keep_times")]

    operations = [migrations.RunSQL(FOLLOW, UNFOLLOW)]
