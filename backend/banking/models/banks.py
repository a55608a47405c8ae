"""Banks, who else manages them, and which partner keys belong to them."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from guardian.models import UserObjectPermissionBase


class Bank(models.Model):
    """A bank (S0-M2). `manager` is its first manager; further ones hold a grant (design.md section 3).

    `currency` is what its accounts are kept in unless they say otherwise, `time_zone` sets its banking day.
    """

    bank_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bank_name = models.CharField(max_length=255)
    manager = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    address = models.CharField(max_length=255, null=True, blank=True)
    city = models.CharField(max_length=255, null=True, blank=True)
    state = models.CharField(max_length=255, null=True, blank=True)
    zip_code = models.CharField(max_length=255, null=True, blank=True)
    country = models.CharField(max_length=255, null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD", db_default="USD")
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["created_at", "bank_id"]
        permissions: ClassVar = [("manage_bank", "Can manage a bank beside its first manager")]
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_bank_currency_shape", condition=Q(currency__regex="^[A-Z]{3}$")),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at", "bank_id"], name="banking_bank_order")]

    def __str__(self) -> str:
        return self.bank_name


class BankGrant(UserObjectPermissionBase):
    """A guardian grant: one more person manages this bank."""

    content_object = models.ForeignKey(Bank, on_delete=models.CASCADE, related_name="grants")

    class Meta(UserObjectPermissionBase.Meta):
        pass


class PartnerKey(models.Model):
    """The bank that an API key works for. A key without one works for `PARTNER_DEFAULT_BANK`."""

    api_key = models.OneToOneField(
        "rest_framework_api_key.APIKey", primary_key=True, on_delete=models.CASCADE, related_name="partner"
    )
    bank = models.ForeignKey(Bank, on_delete=models.PROTECT, related_name="partner_keys")

    def __str__(self) -> str:
        return f"{self.api_key_id}: {self.bank_id}"
