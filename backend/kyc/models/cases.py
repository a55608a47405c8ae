"""A person's verification, from the first document to the decision."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Case(models.Model):
    """One examination of one person. While it is open there is no other; decided ones are history.

    Above LOW risk two people approve: the first one's word is kept here until the second agrees.
    """

    class Decision(models.TextChoices):
        APPROVED = "APPROVED"
        REJECTED = "REJECTED"

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    assigned_at = models.DateTimeField(null=True)
    first_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    first_approved_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user"], condition=Q(decided_at=None), name="kyc_case_one_open"),
            models.CheckConstraint(
                name="kyc_case_nobody_reviews_themselves",
                condition=~Q(assigned_to=F("user")) & ~Q(first_approved_by=F("user")) & ~Q(decided_by=F("user")),
            ),
            models.CheckConstraint(
                name="kyc_case_two_people_approve",
                condition=Q(decision="REJECTED") | ~Q(first_approved_by=F("decided_by")),
            ),
            models.CheckConstraint(
                name="kyc_case_decided_whole", condition=Q(decided_at=None, decision="") | Q(decided_at__isnull=False)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["opened_at", "id"], name="kyc_case_queue", condition=Q(decided_at=None)),
            models.Index(fields=["assigned_to"], name="kyc_case_assigned", condition=Q(decided_at=None)),
            models.Index(fields=["decided_at"], name="kyc_case_expiry", condition=Q(decision="APPROVED")),
        ]

    def __str__(self) -> str:
        return f"case {self.pk} of user {self.user_id}"
