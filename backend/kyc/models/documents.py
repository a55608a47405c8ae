"""Identity documents, and how they come in piece by piece."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

# Documents that stand for their person; others are history, and may be sent anew (S2-B17, K-55).
COUNTING = ("PENDING", "VERIFIED")


class Document(models.Model):
    """A document a person sent (S2-M4). Its bytes are a sealed file of the vault; here is what is asked about it.

    `number_key` is the number as it is compared: without case, spaces and punctuation.
    """

    class Type(models.TextChoices):
        GOVERNMENT_ID = "GOVERNMENT_ID"
        PASSPORT = "PASSPORT"
        DRIVER_LICENSE = "DRIVER_LICENSE"
        UTILITY_BILL = "UTILITY_BILL"
        BANK_STATEMENT = "BANK_STATEMENT"
        OTHER = "OTHER"

    class Status(models.TextChoices):
        PENDING = "PENDING"
        VERIFIED = "VERIFIED"
        REJECTED = "REJECTED"
        EXPIRED = "EXPIRED"

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    document_type = models.CharField(max_length=50, choices=Type.choices)
    document_number = models.CharField(max_length=100)
    number_key = models.CharField(max_length=100)
    file = models.OneToOneField("common.StoredFile", on_delete=models.PROTECT, related_name="+")
    content_type = models.CharField(max_length=50)
    upload_date = models.DateTimeField(auto_now_add=True)
    verification_status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    verified_at = models.DateTimeField(null=True)
    rejection_reason = models.TextField(blank=True)
    ocr_text = models.TextField(blank=True)
    validation_score = models.PositiveSmallIntegerField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "document_type"],
                condition=Q(verification_status__in=COUNTING),
                name="kyc_document_one_of_a_type",
            ),
            models.UniqueConstraint(
                fields=["number_key"],
                condition=Q(verification_status__in=COUNTING),
                name="kyc_document_number_unique",
            ),
            models.CheckConstraint(
                name="kyc_document_score_is_percent",
                condition=Q(validation_score__isnull=True) | Q(validation_score__lte=100),
            ),
            models.CheckConstraint(
                name="kyc_document_decided_has_time",
                condition=Q(verification_status="PENDING") | Q(verified_at__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], name="kyc_document_of_user"),
            models.Index(fields=["verification_status", "-id"], name="kyc_document_status"),
        ]

    def __str__(self) -> str:
        return f"{self.document_type} {self.pk}"


class Upload(models.Model):
    """A document on its way in by tus: how much of it is here. It outlives its end for a while, so that a client
    whose answer was lost can ask what became of it."""

    class State(models.TextChoices):
        RECEIVING = "RECEIVING"
        STORED = "STORED"
        REFUSED = "REFUSED"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    document_type = models.CharField(max_length=50, choices=Document.Type.choices)
    document_number = models.CharField(max_length=100)
    file_name = models.CharField(max_length=255)
    length = models.BigIntegerField()
    offset = models.BigIntegerField(default=0, db_column="received")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVING)
    refusal = models.JSONField(default=dict)
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="+")
    key_version = models.CharField(max_length=12)
    wrapped_key = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    touched_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="kyc_upload_offset_within_length", condition=Q(offset__gte=0) & Q(offset__lte=F("length"))
            ),
            models.CheckConstraint(name="kyc_upload_length_positive", condition=Q(length__gt=0)),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="kyc_upload_expiry"),
            models.Index(fields=["user", "-created_at"], name="kyc_upload_of_user"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class UploadPiece(models.Model):
    """At most 256 KiB of an upload, sealed under the upload's own key."""

    pk = models.CompositePrimaryKey("upload", "start")
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    start = models.BigIntegerField()
    size = models.IntegerField()
    sealed = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.upload_id} {self.start}"
