"""Chats of before the search get tails too; the job that reads them in (services/words.py) does the rest.

A transaction of its own: it reads support_chat while chats go on, and holds no lock that they need.
"""

from django.db import migrations

TAILS = """
INSERT INTO support_chatwords (chat_id, is_desk, customer_id, agent_id, first_seq)
SELECT id, desk, CASE WHEN NOT desk THEN customer_id END, admin_id, 1
FROM support_chat CROSS JOIN unnest(ARRAY[false, true]) AS desk
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("support", "0005_words_follow_chats")]

    operations = [migrations.RunSQL(TAILS, migrations.RunSQL.noop)]
