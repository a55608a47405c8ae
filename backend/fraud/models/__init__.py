from backend.fraud.models.alerts import AlertNote, Assessment, FraudAlert
from backend.fraud.models.rules import DryRun, RuleSet, Snooze

__all__ = ["AlertNote", "Assessment", "DryRun", "FraudAlert", "RuleSet", "Snooze"]
