"""Triggers: what has judged, and what was judged, never changes."""

from django.db import migrations

TRIGGERS = """
CREATE FUNCTION fraud_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER fraud_assessment_frozen BEFORE UPDATE ON fraud_assessment
    FOR EACH ROW EXECUTE FUNCTION fraud_refuse_change();
CREATE TRIGGER fraud_ruleset_frozen BEFORE UPDATE ON fraud_ruleset FOR EACH ROW
    WHEN (OLD.state <> 'DRAFT' AND (OLD.rules IS DISTINCT FROM NEW.rules OR OLD.version <> NEW.version OR NEW.state = 'DRAFT'))
    EXECUTE FUNCTION fraud_refuse_change();
CREATE TRIGGER fraud_ruleset_kept BEFORE DELETE ON fraud_ruleset FOR EACH ROW
    WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION fraud_refuse_change();
"""
NO_TRIGGERS = """
DROP TRIGGER fraud_ruleset_kept ON fraud_ruleset;
DROP TRIGGER fraud_ruleset_frozen ON fraud_ruleset;
DROP TRIGGER fraud_assessment_frozen ON fraud_assessment;
DROP FUNCTION fraud_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("fraud", "0001_verdicts_and_alerts")]

    operations = [migrations.RunSQL(TRIGGERS, NO_TRIGGERS)]
