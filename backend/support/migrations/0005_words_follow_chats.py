"""Every chat has a tail to search from its first moment, and its words know who answers it.

A trigger, because many services give chats to agents and take them away, and a search that forgets one of them would
show somebody else's words. It runs when chats change hands, never for a message. Creating it locks support_chat for
a moment only.
"""

from django.db import migrations

FOLLOW = """
CREATE FUNCTION support_words_follow_chat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (OLD.closed_at IS NOT NULL AND NEW.closed_at IS NULL) THEN
        INSERT INTO support_chatwords (chat_id, is_desk, customer_id, agent_id, first_seq)
        SELECT NEW.id, desk, CASE WHEN NOT desk THEN NEW.customer_id END, NEW.admin_id,
               1 + coalesce((SELECT max(last_seq) FROM support_chatwords WHERE chat_id = NEW.id AND is_desk = desk), 0)
        FROM unnest(ARRAY[false, true]) AS desk
        ON CONFLICT DO NOTHING;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.admin_id IS DISTINCT FROM OLD.admin_id THEN
        UPDATE support_chatwords SET agent_id = NEW.admin_id WHERE chat_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER support_words_follow_chat AFTER INSERT OR UPDATE OF admin_id, closed_at ON support_chat
    FOR EACH ROW EXECUTE FUNCTION support_words_follow_chat();
"""

UNFOLLOW = """
DROP TRIGGER support_words_follow_chat ON support_chat;
DROP FUNCTION support_words_follow_chat();
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0004_search_words")]

    operations = [migrations.RunSQL(FOLLOW, UNFOLLOW)]
