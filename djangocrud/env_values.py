"""What values of the environment must look like, and the secrets that development makes and keeps."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit


def is_url(text: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # Raises for what is no port.
    except ValueError:
        return False
    return parts.scheme in schemes


def versions(text: str) -> dict[int, str]:
    """Return keys by version: `1:secret 2:secret`, or one secret alone, which is version 1. Raises: ValueError."""
    words = [word for word in re.split(r"[,\s]+", text) if word]
    if len(words) == 1 and ":" not in words[0]:
        return {1: words[0]}
    pairs = [word.partition(":") for word in words]
    if not all(number.isdecimal() and 0 < int(number) < 32768 and secret for number, _, secret in pairs):
        raise ValueError("must be one secret, or versions such as 1:secret 2:secret")
    if len({number for number, _, _ in pairs}) != len(pairs):
        raise ValueError("names a version twice")
    return {int(number): secret for number, _, secret in pairs}


def for_kombu(address: str) -> str:
    """Return the address of a Redis as kombu has it, which knows Unix sockets by another form."""
    parts = urlsplit(address)
    if parts.scheme != "unix":
        return address
    query = dict(parse_qsl(parts.query))
    login = f":{quote(query['password'], safe='')}@" if query.get("password") else ""
    return f"redis+socket://{login}{parts.path}?virtual_host={query.get('db', '0')}"


def kept_secret(path: Path, fresh_value: str) -> str:
    """Return the secret that is kept at `path`; the first call keeps `fresh_value`."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(fresh_value)
        try:
            os.link(fresh, path)  # Atomic, and the first of two racing starts wins.
        except FileExistsError:
            return path.read_text().strip()
        finally:
            fresh.unlink()
        return path.read_text().strip()
