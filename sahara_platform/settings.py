"""Django's settings. Every value that differs by installation comes from `sahara_platform.env`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF

from sahara_platform import env as environment

ENV = environment.load()
BASE_DIR = environment.BASE_DIR
PRODUCTION = ENV.mode == "production"
DEBUG = False
SECRET_KEY = ENV.secret_key
VAULT = {"keys": ENV.vault_keys}
PUBLIC_URL = ENV.public_url
ALLOWED_HOSTS = [*ENV.allowed_hosts, urlsplit(PUBLIC_URL).hostname or ""]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

APPS = [
    "marketplace",
    "agents",
    "training",
    "labeling",
    "knowledge",
    "datasets",
    "compute",
    "assets",
    "billing",
    "payouts",
    "ledger",
    "onchain",
    "accounts",
    "tenancy",
    "core",
]

INSTALLED_APPS = [
    *(f"apps.{name}" for name in reversed(APPS) if (BASE_DIR / "apps" / name / "apps.py").exists()),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "channels",
    "csp",
    "django_htmx",
    "django_vite",
    "drf_spectacular",
    "pgtrigger",
    "rest_framework",
    "rest_framework_api_key",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.accounts.middleware.UserMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.accounts.middleware.ActorMiddleware",
    "apps.core.problems.DomainErrorMiddleware",
    "apps.core.idempotency.IdempotencyMiddleware",
]

ROOT_URLCONF = "sahara_platform.urls"
ASGI_APPLICATION = "sahara_platform.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.tenancy.pages.shell",
            ],
        },
    }
]


#: psycopg then prepares what asks for it, and nothing by itself.
_PREPARED_WHEN_ASKED = 2**31


def _database(url: str) -> dict[str, Any]:
    """A Django database from a postgresql:// URL (host may be a percent-encoded socket directory)."""
    parts = urlsplit(url)
    prepared = {"prepare_threshold": _PREPARED_WHEN_ASKED if ENV.database_prepared_statements else None}
    pool = {"min_size": 1, "max_size": ENV.database_pool_size, "timeout": 20}
    return {
        "ENGINE": "apps.core.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": prepared | ({"pool": pool} if ENV.database_pool_size else {}),
        "CONN_HEALTH_CHECKS": not ENV.database_pool_size,  # `apps.core.postgresql` asks those of the pool
    }


DATABASES = {"default": _database(ENV.database_url)}
if ENV.database_owner_url is not None:
    # Only the migrating process has it: `manage.py migrate --database owner`.
    DATABASES["owner"] = _database(ENV.database_owner_url) | {"OPTIONS": {}}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ENV.redis_url}}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [ENV.redis_url]}}
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "apps.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "signup": "60/m/ip"}
HEADLESS_CLIENTS = ("app",)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/dashboard/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [
    (path.name, path) for path in (BASE_DIR / "static" / "img", BASE_DIR / "static" / "dist") if path.exists()
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": ENV.storage_dir}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
# Vite puts a hash into the name of every file of the bundle: cache them for good.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/assets/"
DJANGO_VITE = {
    "default": {
        "dev_mode": False,
        "manifest_path": BASE_DIR / "static" / "dist" / "manifest.json",
        "static_url_prefix": "dist",
    }
}

OBJECT_STORAGE: dict[str, Any] = {"kind": "local", "directory": ENV.storage_dir}
if ENV.aws_storage_bucket_name:
    OBJECT_STORAGE = {
        "kind": "s3",
        "options": {
            "bucket_name": ENV.aws_storage_bucket_name,
            "endpoint_url": ENV.aws_s3_endpoint_url,
            "region_name": ENV.aws_s3_region_name,
            "querystring_auth": True,
            "default_acl": None,
            "max_memory_size": 1 << 24,  # what is larger is read by way of the disk
        },
    }

# Where signed addresses of images and recordings lead to.
_MEDIA_ORIGINS: list[str] = []
if ENV.aws_storage_bucket_name:
    _endpoint = urlsplit(ENV.aws_s3_endpoint_url or "")
    _MEDIA_ORIGINS = (
        [f"{_endpoint.scheme}://{_endpoint.netloc}"]
        if _endpoint.netloc
        else [
            f"https://{ENV.aws_storage_bucket_name}.s3.{part}amazonaws.com"
            for part in ("", f"{ENV.aws_s3_region_name}.")
        ]
    )

CELERY_BROKER_URL = ENV.redis_url
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.access.ActorAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.accounts.access.HasActor"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "apps.core.pagination.CursorPage",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sahara platform API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "ENUM_NAME_OVERRIDES": {
        "AnswerModeEnum": ["generate", "quote", "label"],
        "SearchModeEnum": ["hybrid", "dense", "lexical"],
        "VerdictEnum": ["first", "second", "both", "neither"],
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:", *_MEDIA_ORIGINS],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, "blob:", *_MEDIA_ORIGINS],
        "form-action": [SELF, *ENV.checkout_origins],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
CSRF_FAILURE_VIEW = "apps.core.problems.csrf_failure"
SESSION_ENGINE = "apps.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

_mail = urlsplit(ENV.email_url)
DEFAULT_FROM_EMAIL = ENV.default_from_email
if _mail.scheme == "smtp":
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _mail.hostname or "localhost", _mail.port or 587
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
    EMAIL_USE_TLS = EMAIL_PORT == 587
elif _mail.scheme == "file":
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = _mail.path
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {name: {"level": "WARNING"} for name in ("httpx", "mcp", "a2a")},
}

CHAIN = {"chain_id": ENV.chain_id, "confirmations": ENV.chain_confirmations}
STRIPE = {"api_key": ENV.stripe_api_key, "api_base": ENV.stripe_api_base, "webhook_secret": ENV.stripe_webhook_secret}
RUNNER = {"url": ENV.runner_url, "token": ENV.runner_token}
FEES = {
    "label_bps": ENV.label_fee_bps,
    "sale_bps": ENV.sale_fee_bps,
    "minimum_withdrawal_minor": ENV.minimum_withdrawal_minor,
}
WALLETS = {"change_wait": timedelta(hours=ENV.wallet_change_wait)}
PAYOUTS: dict[str, Any] = {
    "approval_minor": ENV.withdrawal_approval_minor,
    "second_approval_minor": ENV.withdrawal_second_approval_minor,
    "organisation_daily_limit_minor": ENV.withdrawal_daily_limit_minor,
    "daily_limit_minor": ENV.payouts_daily_limit_minor,
    "unclaimed_after": timedelta(days=ENV.payout_unclaimed_days),
}
