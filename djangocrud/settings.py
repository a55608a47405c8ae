"""The one settings module. Differences between environments are values of `env`, not code paths."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import dj_database_url
from corsheaders.defaults import default_headers

from backend.common.logs import logging_config
from djangocrud.assistant import ASSISTANT, ASSISTANT_PATHS, ASSISTANT_THREADS  # noqa: F401 - settings
from djangocrud.documents import API_TAGS, SPECTACULAR_SETTINGS  # noqa: F401 - settings, too
from djangocrud.env import ROOT, env
from djangocrud.operating import *  # noqa: F401, F403 - settings, too
from ml.columns import SHIPPED

BASE_DIR = ROOT
SECRET_KEY = env.signing_key
DEBUG = env.debug
ALLOWED_HOSTS = list(env.allowed_hosts) or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = list(env.csrf_trusted_origins)
PROXY_COUNT = env.proxy_count or 0

INSTALLED_APPS = [
    "daphne",
    "grappelli",
    "backend.identity.adminsite.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "corsheaders",
    "channels",
    "rest_framework",
    "rest_framework_api_key",
    "django_otp",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "backend.common",
    "backend.realtime",
    "backend.audit",
    "backend.notifications",
    "backend.identity",
    "backend.kyc",
    "backend.support",
    "backend.catalog",
    "backend.budget",
    "backend.fraud",
    "backend.banking",
    "backend.assistant",
    "django_htmx",
    "backend.console",
]

MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "backend.common.request_context.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "djangocrud.urls"
ASGI_APPLICATION = "djangocrud.asgi.application"
WSGI_APPLICATION = None
APPEND_SLASH = False  # A redirect would drop the body of a POST; routes are exact.

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Connections live as long as their thread: every thread that touches the database is one of a fixed pool
# (djangocrud/handler.py, backend/common/pool.py), so their number is bounded. Never with a thread per request.
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        env.database_address, engine="backend.common.postgresql", conn_max_age=None, conn_health_checks=True
    )
}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {"connect_timeout": 5, "application_name": "ease", "options": "-c timezone=UTC -c lock_timeout=10s"}
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URLS = list(env.redis_addresses)
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URLS[0],
        "KEY_PREFIX": env.layer_prefix,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}
LAYER_PREFIX = env.layer_prefix
CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        "BACKEND": "backend.realtime.layer.LineLayer",
        "CONFIG": {"hosts": REDIS_URLS, "prefix": LAYER_PREFIX},
    }
}

# Jobs (backend/common/jobs.py). Nobody reads results: what a job did is in the database.
USE_CELERY = env.use_celery
JOBS_AT_ONCE = False
CELERY_BROKER_URL = env.broker_address
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# redis-py's own time limit equals the wait of a blocking pop, and would end it as a fault (stack.md).
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": f"{LAYER_PREFIX}:jobs:", "socket_timeout": None}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 25 * 60, 30 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# The audit trail (backend/audit). Keys by version, and where signed checkpoints go: a file, or `storage:<folder>` for
# the default storage. Neither is in the database.
AUDIT_KEYS = env.audit_keys
AUDIT_CHECKPOINTS = env.audit_checkpoints_place
AUDIT_SEAL_SECONDS = 2.0
AUDIT_CHECKPOINT_SECONDS = 30.0
AUDIT_PATROL_SECONDS = 10.0

AUTH_USER_MODEL = "identity.User"
# The e-mail is unique in lower case (identity_user_email_unique), which is stricter than what these checks look for.
# guardian.W001: grants are looked up when a door or socket opens, by the slice whose they are; no backend asks them.
# W009 wants 50 characters in SECRET_KEY; env.py refuses weak ones itself, and Render's 44 are 256 random bits.
# W021: preloading HSTS binds a domain for good, so it is its owner's wish and not ours.
SILENCED_SYSTEM_CHECKS = ["auth.E003", "auth.W004", "guardian.W001", "security.W009", "security.W021"]
ANONYMOUS_USER_NAME = None  # guardian: no account stands for strangers
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
# The admin site's own form goes through the same locks as the doors.
AUTHENTICATION_BACKENDS = ["backend.identity.backends.LockingBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Which lifetimes a door's tokens have (design.md section 3, K-15).
_REFRESH = timedelta(days=env.refresh_token_days)
TOKEN_LIFETIMES = {
    "default": {"access": timedelta(seconds=env.access_token_seconds), "refresh": _REFRESH},
    "s1": {"access": timedelta(hours=env.s1_token_hours), "refresh": _REFRESH},
    # The S3 door has no refresh route: its one token lives as long as its session.
    "s3": {"access": _REFRESH, "refresh": _REFRESH},
}
# For how long a process goes by what it has just read of a token's bearer (backend/identity/principals.py, ADR 3).
PRINCIPAL_NEAR_SECONDS = 0.5
LOCK_AFTER = 5
LOCK_FOR = timedelta(minutes=30)
DEVICE_KNOWN_FOR = timedelta(days=30)
API_KEY_CUSTOM_HEADER = env.api_key_custom_header
# Whom keys work for that are bound to no bank. In development that bank is made when the first of them comes.
PARTNER_DEFAULT_BANK = env.partner_default_bank or (None if env.production else UUID(int=1))
PARTNER_DEFAULT_BANK_IS_MADE = not env.production
# Where webhooks may go (backend/banking/sending): outside of development by TLS only, and never into the house.
WEBHOOK_LOOPBACK, WEBHOOK_PLAIN_HTTP = env.webhook_loopback, not env.production

AUTH_COOKIE_DOMAIN = env.auth_cookie_domain or None
COOKIE_SECURE = env.production if env.cookie_secure is None else env.cookie_secure
CSRF_COOKIE_DOMAIN = AUTH_COOKIE_DOMAIN
CSRF_FAILURE_VIEW = "backend.console.faults.csrf_failed"
CSRF_COOKIE_HTTPONLY = False  # Pages read it to send it back: that is the double submit.

# Uses and seconds (design.md section 8). Sign-in counts failures only.
RATE_LIMITS = {
    "user": (env.rate_limit_user, 60),
    "anonymous": (env.rate_limit_anonymous, 60),
    "credential": (env.rate_limit_anonymous, 60),  # tokens and keys that are none, by address
    "api_key": (env.rate_limit_api_key, 60),
    "sign_in": (env.rate_limit_sign_in, 60),
    "registration": (env.rate_limit_registration, 3600),
    "password": (20, 3600),
    "honeypot": (10, 60),
    "draft": (240, 3600),
    "socket": (env.rate_limit_sockets, 60),
    "upload": (env.rate_limit_uploads, 300),
    "payee": (30, 3600),
    "assistant": (20, 60),
}
RATE_LIMIT_EXEMPT = list(env.rate_limit_exempt)

EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if env.email_host
    else ("django.core.mail.backends.console.EmailBackend")
)
EMAIL_HOST, EMAIL_PORT = env.email_host, env.email_port
EMAIL_HOST_USER = env.email_host_user
EMAIL_HOST_PASSWORD = env.email_host_password.get_secret_value()
EMAIL_USE_TLS = env.email_use_tls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.default_from_email
# Mail and push about a notice wait so long for its reader (backend/notifications/services/deliveries.py).
DELIVERY_DELAY_SECONDS = env.delivery_delay_seconds
EXPO_PUSH_URL = env.expo_push_url
PASSWORD_RESET_URL = env.password_reset_url
# Told of unexpected faults, once for each and so many seconds (backend/common/alerts.py).
ADMINS = [("", address) for address in env.admins]
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_SUBJECT_PREFIX = "[Ease] "
ALERT_EVERY_S = env.alert_every_minutes * 60
CUSTOMER_SESSIONS_MAX = env.customer_sessions_max
# For how long what is over is kept; periodic jobs delete what is older.
SESSIONS_KEPT_DAYS = env.sessions_kept_days
LOGIN_LOGS_KEPT_DAYS = env.login_logs_kept_days
RATE_LIMITS_KEPT_DAYS = 2  # strikes count for one
IDEMPOTENCY_KEPT_DAYS = 30
SIMPLE_JWT = {"ALGORITHM": "HS256", "SIGNING_KEY": SECRET_KEY, "ISSUER": "ease", "LEEWAY": 0}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "backend.identity.authentication.TokenAuthentication",
        "backend.identity.authentication.CookieAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["backend.identity.throttles.GeneralLimit"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["backend.common.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["backend.common.rendering.JSONParser", "rest_framework.parsers.FormParser"],
    "DEFAULT_SCHEMA_CLASS": "backend.identity.schema.DocumentedView",
    "EXCEPTION_HANDLER": "backend.common.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is the routes' own word
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SWAGGER_PERMISSIONS = env.swagger_permissions

CORS_ALLOWED_ORIGINS = list(env.cors_allowed_origins)
CORS_ALLOW_CREDENTIALS = True
CORS_EXPOSE_HEADERS = ["Content-Type", "X-CSRFToken"]
CORS_ALLOW_HEADERS = [
    *(*default_headers, "x-api-key", "x-csrftoken", "idempotency-key"),
    *("x-device-token", "x-step-up-token"),
]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_HSTS_SECONDS = 31_536_000 if env.production else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.production
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXY_COUNT else None
SECURE_SSL_REDIRECT = env.production and bool(PROXY_COUNT)
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz)$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = COOKIE_SECURE
X_FRAME_OPTIONS = "DENY"

ADMIN_URL = env.admin_url
GRAPPELLI_ADMIN_TITLE = "Ease"
ADMIN_HONEYPOT_URL = env.admin_honeypot_url

# The second factor (backend/identity/services/two_factor.py).
ENCRYPTION_KEY_OTP = env.master_keys("encryption_key_otp")
ENCRYPTION_KEY_WEBHOOKS = env.master_keys("encryption_key_webhooks")
STAFF_TOTP_REQUIRED = env.production if env.staff_totp_required is None else env.staff_totp_required
STEP_UP_SECONDS = env.otp_token_expiration_time

STATIC_URL = "static/"
STATIC_ROOT = env.var / "static"
STORAGES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": env.var / "media",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if env.aws_storage_bucket_name:
    from djangocrud.storage import s3_storage  # brings 20 MB of modules that others do not need

    STORAGES["default"] = s3_storage(env)
# What is sealed on its way into the storage (backend/common/vault.py). On the media's disk, so that it is only renamed.
VAULT_SPOOL = env.var / "incoming"
ENCRYPTION_KEY_DOCUMENTS = env.master_keys("encryption_key_documents")
ENCRYPTION_KEY_SSN = env.master_keys("encryption_key_ssn")
ENCRYPTION_KEY_ADDRESS = env.master_keys("encryption_key_address")
SSN_HASH_KEY = env.ssn_hashing_key
KYC_VALID_DAYS = env.kyc_valid_days

# Fraud (backend/fraud, design.md section 6). From which scores on there is an alert, a grave one, a hold; how long
# money waits at most; from which amount on two people decide; how long a claim holds; when nobody's is told again.
FRAUD_ALERT_FROM, FRAUD_HIGH_FROM, FRAUD_HOLD_FROM = env.fraud_alert_from, env.fraud_high_from, env.fraud_hold_from
FRAUD_HOLD_HOURS = env.fraud_hold_hours
FRAUD_SECOND_PERSON_FROM = env.fraud_second_person_from
FRAUD_CLAIM_MINUTES = env.fraud_claim_minutes
FRAUD_ESCALATE_MINUTES = env.fraud_escalate_minutes
FRAUD_SIGNAL_MINUTES = env.fraud_signal_minutes
FRAUD_KEPT_DAYS = env.fraud_kept_days

# Loans for people (backend/docs/lending.md).
LOAN_REMINDER_DAYS, LOAN_LATE_NOTICE_DAYS = env.loan_reminder_days, env.loan_late_notice_days
# The customer door of banking (backend/banking/limits.py): what an account may send where its bank says nothing else,
# and from how much on, sent to others unconfirmed in a banking day, a step-up token is asked for.
TRANSFER_MAX, TRANSFER_DAY_MAX = env.transfer_max, env.transfer_day_max
TRANSFER_STEP_UP_FROM = env.transfer_step_up_from
ACCOUNTS_PER_BANK_MAX = 5  # open ones of a person
KYC_REFUSED_KEPT_DAYS = 7 * 365 + 2

if env.production:  # Development serves the apps' own files; a release collects, compresses and names them by content.
    STORAGES["staticfiles"] = {"BACKEND": "djangocrud.statics.NamedByContent"}

# Development serves static files from the apps themselves, so nothing need be collected; the folder must exist.
WHITENOISE_USE_FINDERS = not env.production
if not env.production:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)

LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = ["djangocrud.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

DEMO_FILE = env.var / "demo.json"
# Beside the checkout where it is relative: a command may be run from any folder.
LOAN_MODEL = ROOT / env.loan_model if env.loan_model else SHIPPED
DEMO_PAGES = not env.production
DEMO_PASSWORD = env.demo_password.get_secret_value() if env.demo_password else None

WEB_THREADS = env.web_threads
DRAIN_SECONDS = env.drain_seconds
# What takes files, and how large a body may be there. Their views run in a pool of their own, from the headers on.
_DOCUMENT = 12 * 1024 * 1024
UPLOAD_PATHS = {
    "/api/chats/*/attachments/": _DOCUMENT,
    "/api/kyc/upload/": _DOCUMENT,
    "/api/kyc/uploads/": _DOCUMENT,
    "/api/kyc/uploads/*/": _DOCUMENT,
    "/api/catalog/items/*/image/": 6 * 1024 * 1024,
    "/api/management/import/": 64 * 1024 * 1024,
    "/customers/upload/": 64 * 1024 * 1024,
    "/api/customers/upload/": 64 * 1024 * 1024,
}
UPLOAD_THREADS = env.upload_threads
# The largest body that is read, by path prefix; the longest prefix that fits counts.
BODY_LIMITS = {"": 300 * 1024, **UPLOAD_PATHS, "/api/management/import/*/": 300 * 1024}
# Slow on purpose (they hash passwords), so they have a pool of their own and hold nobody else up.
DOOR_PATHS = frozenset(
    [
        *("/api/register/", "/api/login/"),
        *("/api/users/login/", "/api/users/register/", "/api/users/changepwd/", "/api/superadmin/user/"),
        *("/api/auth/login/", "/api/auth/register/", "/api/profile/change-password/", "/api/auth/password/change/"),
        *("/api/auth/password/forgot/", "/api/auth/password/reset/"),
        *("/api/auth/2fa/enrol/", "/api/auth/step-up/", f"/{ADMIN_URL}/login/"),
        *("/console/sign-in/", "/console/second-factor/"),
        *("/api/user/create/", "/api/user/create", "/api/user/token/", "/api/user/token"),
    ]
)
DOOR_THREADS = 2
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMITS[""]

LOGGING_CONFIG = None
logging_config(level=env.log_level, human=not env.production)

# The support desk's rules.
SUPPORT: dict[str, int] = {
    "edit_minutes": env.chat_edit_minutes,
    "reopen_days": env.chat_reopen_days,
    "load_max": env.chat_load_max,
}

# Numbers of design.md section 4. Tests lower some to reach an edge in reasonable time.
REALTIME: dict[str, Any] = {
    "history": 50,
    "page": 500,
    "batch_max": 200,
    "head_check_seconds": 3.0,
    "unsent_max_bytes": 1_000_000,
    "burst": 300,
    "rate_per_second": 50,
    "bad_frames_per_minute": 50,
    "lease_seconds": 60,
    "typing_seconds": 6,
}
