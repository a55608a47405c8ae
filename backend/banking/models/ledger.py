"""The ledger's rows: postings, their entries, the banks' own accounts, and holds.

Triggers keep what no Python may break (migration 0002): a posting's entries sum to zero for each bank and currency,
they come in the transaction that made it, and none of the rows is ever changed or removed.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class InternalKind(models.TextChoices):
    """What a bank keeps accounts for on its own side. Their balances are sums, stored nowhere and locked never."""

    CASH = "cash"
    PARTNER_CLEARING = "partner_clearing"
    INTERBANK = "interbank"
    LOANS_RECEIVABLE = "loans_receivable"
    INTEREST_INCOME = "interest_income"
    CHARGE_OFF_LOSS = "charge_off_loss"


class PostingKind(models.TextChoices):
    OPENING = "opening"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    LOAN_ACTIVATION = "loan_activation"
    PAYMENT = "payment"
    INTEREST = "interest"
    CHARGE_OFF = "charge_off"
    REVERSAL = "reversal"


class HoldState(models.TextChoices):
    PENDING = "pending"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


class InternalAccount(models.Model):
    """One of a bank's own accounts, in one currency."""

    id = models.BigAutoField(primary_key=True)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="internal_accounts")
    kind = models.CharField(max_length=20, choices=InternalKind.choices)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bank", "kind", "currency"], name="banking_internal_account_unique"),
            models.CheckConstraint(
                name="banking_internal_account_kind_known", condition=Q(kind__in=InternalKind.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.currency}"


class Posting(models.Model):
    """One money event, for ever. `bank` is where it was made; `booked_on` is that bank's day; `xid` its transaction."""

    id = models.BigAutoField(primary_key=True)
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=PostingKind.choices)
    booked_on = models.DateField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversal")
    memo = models.CharField(max_length=140, blank=True)
    xid = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_posting_kind_known", condition=Q(kind__in=PostingKind.values)),
            models.CheckConstraint(
                name="banking_posting_reversal_names_what",
                condition=Q(kind="reversal", reverses__isnull=False) | ~Q(kind="reversal") & Q(reverses__isnull=True),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["bank", "id"], name="banking_posting_of_bank")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Entry(models.Model):
    """One line of a posting, on a customer's account or on one of the bank's own.

    `amount` above zero is a credit: what the bank owes the holder grows. `balance_after` is the customer's balance
    behind this line, so that a statement reads only its own month.
    """

    id = models.BigAutoField(primary_key=True)
    posting = models.ForeignKey(Posting, on_delete=models.PROTECT, related_name="entries")
    bank = models.ForeignKey("banking.Bank", on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(
        "banking.Account", null=True, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    internal_account = models.ForeignKey(InternalAccount, null=True, on_delete=models.PROTECT, related_name="entries")
    amount = models.DecimalField(max_digits=20, decimal_places=2)
    currency = models.CharField(max_length=3)
    balance_after = models.DecimalField(max_digits=20, decimal_places=2, null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_entry_amount_not_zero", condition=~Q(amount=0)),
            models.CheckConstraint(
                name="banking_entry_one_account",
                condition=Q(account__isnull=False, internal_account__isnull=True, balance_after__isnull=False)
                | Q(account__isnull=True, internal_account__isnull=False, balance_after__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "id"], name="banking_entry_of_account", condition=Q(account__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.posting_id}: {self.amount} {self.currency}"


class Hold(models.Model):
    """Money promised away. Pending ones are what `Account.held` sums; capture posts, voiding and time-out give back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey("banking.Account", on_delete=models.PROTECT, related_name="holds", db_index=False)
    amount = models.DecimalField(max_digits=20, decimal_places=2)
    state = models.CharField(max_length=8, choices=HoldState.choices, default=HoldState.PENDING)
    reason = models.CharField(max_length=140, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    posting = models.OneToOneField(Posting, null=True, on_delete=models.PROTECT, related_name="hold")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="banking_hold_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="banking_hold_state_known", condition=Q(state__in=HoldState.values)),
            models.CheckConstraint(
                name="banking_hold_captured_has_posting",
                condition=Q(state="captured", posting__isnull=False) | ~Q(state="captured") & Q(posting__isnull=True),
            ),
            models.CheckConstraint(
                name="banking_hold_decided_has_time",
                condition=Q(state="pending", decided_at__isnull=True)
                | ~Q(state="pending") & Q(decided_at__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "created_at"], name="banking_hold_pending", condition=Q(state="pending")),
            models.Index(fields=["expires_at"], name="banking_hold_expiring", condition=Q(state="pending")),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"
