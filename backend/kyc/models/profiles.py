"""What only a bank needs to know about a person."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Profile(models.Model):
    """A person's banking profile. SSN and address are sealed, each under its own keys; nobody can search them.

    `ssn_hash` is a keyed hash, so that the same number is recognised without being readable (BUG-S2-3). The phone is
    stored in one form (BUG-S2-6).
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+")
    phone = models.CharField(max_length=16)
    date_of_birth = models.DateField()
    ssn_sealed = models.BinaryField()
    ssn_hash = models.CharField(max_length=64)
    address_sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["phone"], name="kyc_profile_phone_unique"),
            models.UniqueConstraint(fields=["ssn_hash"], name="kyc_profile_ssn_unique"),
            models.CheckConstraint(name="kyc_profile_phone_is_normal", condition=Q(phone__regex=r"^\+[0-9]{9,15}$")),
        ]

    def __str__(self) -> str:
        return f"profile of user {self.user_id}"
