"""The environment, read once, checked as a whole. Nothing else reads it (ruff TID251).

A missing or malformed value stops the start with one line per variable. Older names of variables that
`contract.md` lists (K-56 to K-59) are translated in one place, `older_names.py`; that is why the source is
ours and only the checking is pydantic's.
"""

import os
import re
import secrets
import sys
from collections.abc import Mapping
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from backend.common.encryption import key_from
from djangocrud.embedded import Embedded, client_programs
from djangocrud.env_values import for_kombu, is_url, kept_secret, versions
from djangocrud.older_names import with_older_names

ROOT = Path(__file__).resolve().parent.parent

Words = tuple[str, ...]
ENCRYPTION_KEYS = (
    *("encryption_key_documents", "encryption_key_ssn", "encryption_key_address", "encryption_key_otp"),
    "encryption_key_webhooks",
)


class Env(BaseModel):
    """Every setting of the product that an operator may choose, with its development default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["development", "production"] = "development"
    debug: bool = False
    secret_key: SecretStr = SecretStr("")
    allowed_hosts: Words = ()
    csrf_trusted_origins: Words = ()
    cors_allowed_origins: Words = ()
    proxy_count: int | None = Field(default=None, ge=0, le=10)

    database_url: str = ""
    redis_url: Words = ()
    use_celery: bool = False
    celery_broker_url: str = ""
    var: Path = Field(default=ROOT / "var", validation_alias="EASE_VAR")

    host: str = Field(default="127.0.0.1", validation_alias="BIND_HOST")
    port: int = Field(default=8000, ge=1, le=65535, validation_alias="BIND_PORT")
    web_threads: int = Field(default=4, ge=1, le=64)
    upload_threads: int = Field(default=8, ge=1, le=64)
    drain_seconds: float = Field(default=4, ge=0, le=300)
    layer_prefix: str = "ease"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    postgres_bin: str = ""
    metrics_token: SecretStr = SecretStr("")
    sentry_dsn: str = ""

    audit_key: SecretStr = SecretStr("")
    audit_checkpoints: str = ""

    access_token_minutes: int = Field(default=60, ge=1)
    refresh_token_days: int = Field(default=7, ge=1)
    s1_token_hours: int = Field(default=6, ge=1)
    customer_sessions_max: int = Field(default=1, ge=1)
    chat_edit_minutes: int = Field(default=15, ge=1)
    chat_reopen_days: int = Field(default=7, ge=1)
    chat_load_max: int = Field(default=20, ge=1)
    sessions_kept_days: int = Field(default=30, ge=1)
    login_logs_kept_days: int = Field(default=365, ge=1)
    demo_password: SecretStr | None = None
    loan_model: Path | None = None

    # The bank that API keys work for which belong to none; development has one of this id, made when it is needed.
    partner_default_bank: UUID | None = None
    webhook_loopback: bool = False

    # Versions of the keys that wrap the keys of files, SSNs, addresses, second factors and webhooks, the newest first.
    encryption_key_documents: tuple[SecretStr, ...] = ()
    encryption_key_ssn: tuple[SecretStr, ...] = ()
    encryption_key_address: tuple[SecretStr, ...] = ()
    encryption_key_otp: tuple[SecretStr, ...] = ()
    encryption_key_webhooks: tuple[SecretStr, ...] = ()
    # Recognises an SSN without reading it. Never changes: with another one nobody would be recognised any more.
    ssn_hash_key: SecretStr = SecretStr("")
    kyc_valid_days: int = Field(default=730, ge=1)

    # The assistant: any server that speaks OpenAI's protocol. Off without a key. Prices are for a million tokens.
    openai_key: SecretStr = SecretStr("")
    openai_base_url: str = "https://api.openai.com/v1"
    openai_model: str = "gpt-4o-mini"
    assistant_first_token_seconds: float = Field(default=10, gt=0, le=120)
    assistant_total_seconds: float = Field(default=45, gt=0, le=300)
    assistant_answer_after_seconds: float = Field(default=5, ge=0, le=3600)
    assistant_person_tokens: int = Field(default=60_000, ge=0)
    assistant_house_tokens: int = Field(default=3_000_000, ge=0)
    assistant_price_in: Decimal = Field(default=Decimal("0.15"), ge=0)
    assistant_price_out: Decimal = Field(default=Decimal("0.60"), ge=0)

    # Scores of 0 to 100 (design.md section 6), and how alerts are worked on.
    fraud_alert_from: int = Field(default=50, ge=1, le=100)
    fraud_high_from: int = Field(default=75, ge=1, le=100)
    fraud_hold_from: int = Field(default=80, ge=1, le=101)
    fraud_hold_hours: int = Field(default=24, ge=1, le=720)
    fraud_second_person_from: Decimal = Field(default=Decimal("25000.00"), ge=0)
    fraud_claim_minutes: int = Field(default=15, ge=1, le=1440)
    fraud_escalate_minutes: int = Field(default=15, ge=1)
    fraud_signal_minutes: int = Field(default=60, ge=1)
    fraud_kept_days: int = Field(default=3650, ge=365)
    # Loans for people: how many days ahead an instalment is announced, and how often a late one is told of again.
    loan_reminder_days: int = Field(default=3, ge=0, le=28)
    loan_late_notice_days: int = Field(default=30, ge=1)
    transfer_max: Decimal = Field(default=Decimal("20000.00"), gt=0, max_digits=20, decimal_places=2)
    transfer_day_max: Decimal = Field(default=Decimal("50000.00"), gt=0, max_digits=20, decimal_places=2)
    transfer_step_up_from: Decimal = Field(default=Decimal("1000.00"), ge=0, max_digits=20, decimal_places=2)
    aws_access_key_id: str = ""
    aws_secret_access_key: SecretStr = SecretStr("")
    aws_storage_bucket_name: str = ""
    aws_s3_region_name: str = ""
    aws_s3_signature_version: str = ""
    aws_s3_addressing_style: str = ""
    aws_s3_endpoint_url: str = ""

    admin_url: str = Field(default="adminsite", pattern=r"^[\w-]+$")
    admin_honeypot_url: str = Field(default="admin", pattern=r"^[\w-]+$")
    staff_totp_required: bool | None = None
    swagger_permissions: Literal["Any", "Authenticated", "Admin"] = "Any"
    auth_cookie_domain: str = ""
    cookie_secure: bool | None = None
    rate_limit_user: int = Field(default=600, ge=1)
    rate_limit_anonymous: int = Field(default=300, ge=1)
    rate_limit_api_key: int = Field(default=6000, ge=1)
    rate_limit_sign_in: int = Field(default=20, ge=1)
    rate_limit_registration: int = Field(default=25, ge=1)
    rate_limit_sockets: int = Field(default=120, ge=1)
    rate_limit_uploads: int = Field(default=60, ge=1)
    rate_limit_exempt: Words = ()

    email_host: str = ""
    email_port: int = Field(default=587, ge=1, le=65535)
    email_host_user: str = ""
    email_host_password: SecretStr = SecretStr("")
    email_use_tls: bool = True
    default_from_email: str = "Ease <no-reply@ease.example>"
    admins: Words = ()
    alert_every_minutes: int = Field(default=10, ge=1)
    delivery_delay_seconds: int = Field(default=30, ge=0)
    expo_push_url: str = ""
    password_reset_url: str = "http://127.0.0.1:8000/reset/?token="  # noqa: S105 - an address

    # Variables of the older systems. The first must not open production; the next two set lifetimes; the last does
    # nothing and is accepted so that an old file does not stop the start.
    default_permission_classes: str = ""
    token_expired_after_seconds: int | None = Field(default=None, ge=1)
    otp_token_expiration_time: int = Field(default=300, ge=1)
    auth_jwt_behind_basic: str = ""
    # Django's name of the header that carries API keys.
    api_key_custom_header: str = Field(default="HTTP_X_API_KEY", pattern=r"^HTTP_[A-Z0-9_]+$")

    @field_validator(
        *("debug", "cookie_secure", "email_use_tls", "use_celery", "staff_totp_required", "webhook_loopback"),
        mode="before",
    )
    @classmethod
    def _tolerant_switch(cls, value: object) -> object:
        """DEBUG is spelt `1`, `True`, `yes`, `on` or left empty in the older systems (K-59)."""
        if isinstance(value, str):
            word = value.strip().lower()
            if word in {"1", "true", "yes", "on", "t", "y"}:
                return True
            if word in {"0", "false", "no", "off", "f", "n", ""}:
                return False
        return value

    @field_validator("audit_key")
    @classmethod
    def _areversions(cls, value: SecretStr) -> SecretStr:
        versions(value.get_secret_value())
        return value

    @field_validator("rate_limit_exempt", mode="after")
    @classmethod
    def _networks(cls, value: Words) -> Words:
        for network in value:
            ip_network(network)
        return value

    @field_validator(*ENCRYPTION_KEYS, mode="after")
    @classmethod
    def _are_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            key_from(secret.get_secret_value())
        if len({secret.get_secret_value() for secret in value}) < len(value):
            raise ValueError("names one version twice")
        return value

    @field_validator(
        *("allowed_hosts", "csrf_trusted_origins", "cors_allowed_origins", "redis_url", "rate_limit_exempt", "admins"),
        *ENCRYPTION_KEYS,
        mode="before",
    )
    @classmethod
    def _split_words(cls, value: object) -> object:
        """Lists accept commas or spaces (K-57)."""
        return tuple(part for part in re.split(r"[,\s]+", value) if part) if isinstance(value, str) else value

    @field_validator("admins")
    @classmethod
    def _are_addresses(cls, value: Words) -> Words:
        if not all(re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in value):
            raise ValueError("must be e-mail addresses")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: str) -> str:
        if value and not is_url(value, "postgresql", "postgres"):
            raise ValueError("must look like postgresql://user:password@host:5432/name")
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if not is_url(value, "https", "http"):
            raise ValueError("must look like https://host/v1")
        return value

    @field_validator("sentry_dsn")
    @classmethod
    def _is_dsn(cls, value: str) -> str:
        if value and not (is_url(value, "https", "http") and "@" in value):
            raise ValueError("must look like https://key@host/number")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: Words) -> Words:
        if not all(is_url(url, "redis", "rediss", "unix") for url in value):
            raise ValueError("must look like redis://host:6379/0")
        return value

    @field_validator("csrf_trusted_origins", "cors_allowed_origins")
    @classmethod
    def _are_origins(cls, value: Words) -> Words:
        if not all(is_url(origin, "https", "http") and re.fullmatch(r"\w+://[^/?#]+", origin) for origin in value):
            raise ValueError("must be origins such as https://app.example.com, without a path")
        return value

    @model_validator(mode="after")
    def _refuse_one_address_for_two(self) -> "Env":
        """Whichever came first would hide the other: a site that nobody reaches, or no honeypot (BUG-S4-14)."""
        taken = {"api", "static", "grappelli", "swagger", "redoc", "ws"} & {self.admin_url, self.admin_honeypot_url}
        if taken:
            raise ValueError(f"ADMIN_URL and ADMIN_HONEYPOT_URL must not be {taken.pop()}: other pages are there")
        if self.admin_url == self.admin_honeypot_url:
            raise ValueError("ADMIN_URL and ADMIN_HONEYPOT_URL must differ")
        return self

    @model_validator(mode="after")
    def _refuse_holds_without_alerts(self) -> "Env":
        """What is held must be seen: somebody has to decide it."""
        if not self.fraud_alert_from <= min(self.fraud_high_from, self.fraud_hold_from):
            raise ValueError("FRAUD_ALERT_FROM must not be above FRAUD_HIGH_FROM or FRAUD_HOLD_FROM")
        return self

    @model_validator(mode="after")
    def _refuse_weak_production(self) -> "Env":
        if self.environment != "production":
            return self
        key = self.secret_key.get_secret_value()
        audit_keys = versions(self.audit_key.get_secret_value())
        faults = [
            (len(key) < 32, "SECRET_KEY must be set, with at least 32 characters"),
            (key.startswith("django-insecure-"), "SECRET_KEY must not be the one that startproject made"),
            (len(key) >= 32 and len(set(key)) < 10, "SECRET_KEY must be random, not a few characters over and over"),
            (self.debug, "DEBUG must be off"),
            (not self.allowed_hosts or "*" in self.allowed_hosts, "ALLOWED_HOSTS must name the hosts, without *"),
            (not self.database_url, "DATABASE_URL must be set"),
            (not self.redis_url, "REDIS_URL must be set"),
            *((not getattr(self, name), f"{name.upper()} must be set") for name in ENCRYPTION_KEYS),
            (len(self.ssn_hash_key.get_secret_value()) < 32, "SSN_HASH_KEY must be set, with at least 32 characters"),
            (
                not self.aws_storage_bucket_name,
                "AWS_STORAGE_BUCKET_NAME must be set: files are not kept on local disks",
            ),
            (bool(self.rate_limit_exempt), "RATE_LIMIT_EXEMPT must not be set"),
            (0 < len(self.metrics_token.get_secret_value()) < 24, "METRICS_TOKEN must have at least 24 characters"),
            (self.webhook_loopback, "WEBHOOK_LOOPBACK must not be set"),
            (self.default_permission_classes.endswith("AllowAny"), "DEFAULT_PERMISSION_CLASSES must not be AllowAny"),
            (self.cookie_secure is False, "COOKIE_SECURE must be on"),
            (self.proxy_count is None, "PROXY_COUNT must say how many proxies stand in front (0 for none)"),
            (
                not audit_keys or any(len(secret) < 32 for secret in audit_keys.values()),
                "AUDIT_KEY must be set, with at least 32 characters",
            ),
            (not self.audit_checkpoints, "AUDIT_CHECKPOINTS must name a place outside of the database"),
            (
                bool(self.email_host) and not self.password_reset_url.startswith("https://"),
                "PASSWORD_RESET_URL must be an https address where EMAIL_HOST sends mail that names it",
            ),
        ]
        found = [text for wrong, text in faults if wrong]
        if found:
            raise ValueError("; ".join(found))
        return self

    @property
    def access_token_seconds(self) -> int:
        return self.token_expired_after_seconds or self.access_token_minutes * 60

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def uses_embedded(self) -> bool:
        """Whether this checkout runs its own PostgreSQL or Valkey, because no address was given."""
        return not (self.database_url and self.redis_url)

    @property
    def embedded(self) -> Embedded:
        return Embedded(self.var)

    @property
    def database_address(self) -> str:
        return self.database_url or self.embedded.database_url

    @property
    def postgres_programs(self) -> str:
        """The folder of pg_dump and pg_restore: the one given, else the wheel's where it is installed."""
        return self.postgres_bin or client_programs()

    @property
    def redis_addresses(self) -> tuple[str, ...]:
        return self.redis_url or (self.embedded.redis_url,)

    @property
    def broker_address(self) -> str:
        """Celery's broker: the one given, else the first Redis, in the form that kombu has for Unix sockets."""
        return for_kombu(self.celery_broker_url or self.redis_addresses[0])

    @property
    def audit_keys(self) -> dict[int, str]:
        """The versions of the audit trail's key; development makes one and keeps it in `var/`."""
        given = versions(self.audit_key.get_secret_value())
        return given or {1: kept_secret(self.var / "audit_key", secrets.token_urlsafe(48))}

    @property
    def audit_checkpoints_place(self) -> str:
        return self.audit_checkpoints or str(self.var / "audit" / "checkpoints.jsonl")

    @property
    def signing_key(self) -> str:
        """The secret key: the one given, else one made at the first start and kept in `var/` (development only)."""
        return self.secret_key.get_secret_value() or kept_secret(self.var / "secret_key", secrets.token_urlsafe(48))

    def master_keys(self, name: str) -> tuple[str, ...]:
        """One of `ENCRYPTION_KEYS`: the versions given, else one made and kept in `var/` (development only)."""
        given = tuple(secret.get_secret_value() for secret in getattr(self, name))
        return given or (kept_secret(self.var / name, Fernet.generate_key().decode()),)

    @property
    def ssn_hashing_key(self) -> str:
        return self.ssn_hash_key.get_secret_value() or kept_secret(self.var / "ssn_hash_key", secrets.token_urlsafe(48))


def load(environ: Mapping[str, str] | None = None) -> Env:
    """Read and check the environment. Raises SystemExit with one line per faulty variable."""
    source = {**dotenv_values(ROOT / ".env"), **os.environ} if environ is None else dict(environ)
    source = {name: value for name, value in source.items() if value}
    values: dict[str, Any] = {**with_older_names(source), **source}
    names = {str(f.validation_alias or n).upper(): str(f.validation_alias or n) for n, f in Env.model_fields.items()}
    given = {names[k.upper()]: v for k, v in values.items() if k.upper() in names}
    try:
        return Env(**given)
    except ValidationError as fault:
        lines = []
        for error in fault.errors():
            where = ".".join(str(part).upper() for part in error["loc"])
            what = error["msg"].removeprefix("Value error, ")
            lines.append(f"{where}: {what}" if where else what)
        raise SystemExit("ease: configuration refused: " + "; ".join(lines)) from None


env = load()

if sys.version_info[:2] != (3, 11):
    raise SystemExit(f"ease: needs Python 3.11, this is {sys.version.split()[0]}")
