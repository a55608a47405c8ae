"""The names that the older systems had for our variables (K-56 to K-59), and what they come to in ours."""

from collections.abc import Mapping
from urllib.parse import quote

# Each canonical name, and the names that the reference systems used for it.
OLDER_NAMES: dict[str, tuple[str, ...]] = {
    "ALLOWED_HOSTS": ("ALLOWED_HOST", "DJANGO_ALLOWED_HOSTS"),
    "SECRET_KEY": ("DJANGO_SECRET_KEY",),
}
DATABASE_PARTS: dict[str, tuple[str, ...]] = {
    "name": ("DATABASE_NAME", "DB_NAME"),
    "user": ("DATABASE_USER", "DB_USER"),
    "password": ("DATABASE_PASSWD", "DATABASE_PASSWORD", "DB_PASSWORD", "DB_PASS"),
    "host": ("DATABASE_HOST", "DB_HOST"),
    "port": ("DATABASE_PORT", "DB_PORT"),
}


def with_older_names(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the canonical variables that follow from older names, where the canonical one is not set."""
    found: dict[str, str] = {}
    for name, older in OLDER_NAMES.items():
        value = next((environ[o] for o in older if environ.get(o)), "")
        if value and not environ.get(name):
            found[name] = value
    if not environ.get("DATABASE_URL"):
        url = _database_url_from_parts(environ)
        if url:
            found["DATABASE_URL"] = url
    return found


def _database_url_from_parts(environ: Mapping[str, str]) -> str:
    """Build DATABASE_URL from the reference systems' five spellings of its parts (K-56)."""
    parts = {part: next((environ[n] for n in names if environ.get(n)), "") for part, names in DATABASE_PARTS.items()}
    if not parts["name"]:
        return ""
    if environ.get("DATABASE_NAME") and not environ.get("DATABASE_USER"):
        # S0 calls them USERNAME, PASSWORD, HOST, PORT: names that shells use too, so only in this constellation (K-58).
        for part, bare in (("user", "USERNAME"), ("password", "PASSWORD"), ("host", "HOST"), ("port", "PORT")):
            parts[part] = parts[part] or environ.get(bare, "")
    login = quote(parts["user"], safe="") + (":" + quote(parts["password"], safe="") if parts["password"] else "")
    host = parts["host"] or "localhost"
    if host.startswith("/"):
        host = quote(host, safe="")  # The folder of a Unix socket.
    elif ":" in host:
        host = f"[{host}]"  # IPv6
    return f"postgresql://{login}@{host}:{parts['port'] or '5432'}/{quote(parts['name'], safe='')}"
