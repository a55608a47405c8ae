"""The one user of every door (K-8)."""

import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from backend.audit import services as audit
from backend.common.unit_of_work import unit_of_work


def new_customer_id() -> str:
    """Return `CUST` and ten upper-case hexadecimal characters (S2-B10)."""
    return "CUST" + secrets.token_hex(5).upper()


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None, **fields: Any) -> "User":
        """Store a user. The e-mail's domain is lower-cased, its local part kept (S3-M1).

        Raises: ValueError without an e-mail.
        """
        if not email:
            raise ValueError("A user needs an e-mail address.")
        email = self.normalize_email(email.strip())
        fields.setdefault("username", email)
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a superuser, by `manage.py createsuperuser`, and say so in the trail: nobody is signed in then."""
        with unit_of_work():
            user = self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})
            audit.record(actor_id=None, action="user.created", target=user, facts={"is_superuser": True})
        return user

    def known_by(self, field: str, value: str) -> "models.QuerySet[User]":
        """Return who has this e-mail or username, whatever its case.

        In lower case, as the unique indexes are. `iexact` compares in upper case: it reads the whole table, and takes
        ſam for sam, who are two users.
        """
        return self.alias(known=Lower(field)).filter(known=Lower(models.Value(value)))

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.known_by("email", username or "").get()


class User(AbstractBaseUser, PermissionsMixin):
    """A person. What only a bank needs to know about them (birth date, SSN, address) is in `kyc.Profile`."""

    class KycStatus(models.TextChoices):
        INCOMPLETE = "INCOMPLETE"
        PENDING = "PENDING"
        APPROVED = "APPROVED"
        REJECTED = "REJECTED"
        EXPIRED = "EXPIRED"

    class RiskProfile(models.TextChoices):
        LOW = "LOW"
        MEDIUM = "MEDIUM"
        HIGH = "HIGH"

    id = models.BigAutoField(primary_key=True)
    email = models.EmailField(max_length=255)
    username = models.CharField(max_length=255)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    name = models.CharField(max_length=255, blank=True, help_text="The one-field name of the S3 door.")
    phone_number = models.CharField(max_length=15, blank=True, help_text="Free text, as the S0 door takes it.")
    customer_id = models.CharField(max_length=20, unique=True, default=new_customer_id)
    kyc_status = models.CharField(max_length=20, choices=KycStatus.choices, default=KycStatus.INCOMPLETE)
    risk_profile = models.CharField(max_length=10, choices=RiskProfile.choices, default=RiskProfile.LOW)
    is_account_verified = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    last_login_ip = models.GenericIPAddressField(null=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    auth_version = models.PositiveIntegerField(default=1, help_text="Rises with every change that a principal shows.")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="identity_user_email_unique"),
            models.UniqueConstraint(Lower("username"), name="identity_user_username_unique"),
            models.CheckConstraint(
                name="identity_user_username_with_at_is_own_email",
                condition=~Q(username__contains="@") | Q(username__iexact=F("email")),
            ),
        ]
        indexes = [
            models.Index(fields=["kyc_status"], name="identity_user_kyc_status"),
            models.Index(fields=["date_joined"], name="identity_user_date_joined"),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name or self.name or self.email.partition("@")[0]
