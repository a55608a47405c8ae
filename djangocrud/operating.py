"""Settings of those who run the product: what is watched, what is backed up. A part of settings.py."""

from djangocrud.env import ENCRYPTION_KEYS, env

# Who may read `/metrics`; without a token nobody may in production, and anybody who reaches it in development.
METRICS_TOKEN = env.metrics_token.get_secret_value()
METRICS_OPEN = not env.production and not METRICS_TOKEN
# Without these nobody reads what is stored: backups name them by fingerprint (backend/common/backups).
KEYS_OF_DATA = {
    **{name.upper(): env.master_keys(name) for name in ENCRYPTION_KEYS},
    "SSN_HASH_KEY": (env.ssn_hashing_key,),
}
# The folder of pg_dump and pg_restore; without one they are where the system has them.
POSTGRES_BIN = env.postgres_programs
