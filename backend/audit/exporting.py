"""The trail written out for somebody else: one JSON object a line, made so that it can be checked without us.

header, then every signed line (checkpoints and anchors), then each seal with its row, then the end. Rows come page by
page, each a query of its own, since the parts of a streamed answer may be made by different threads; the chain only
grows, so all of them together are the chain up to the head that the header names.
"""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.db import connection

from backend.audit import keys
from backend.audit.checkpoints import place
from backend.audit.offline.bundle import verifier
from backend.audit.offline.chain import FORMAT
from backend.audit.verification import beginning, pages

README = """What this is: an export of Ease's audit trail, and the program that proves it whole.

    python verify.py audit.ndjson

needs Python 3.9 or later and nothing else. `python verify.py --help` tells what else can be checked, and what an
earlier export is good for: keep this one.
"""


def export_lines(*, values: bool, until: int | None = None) -> Iterator[bytes]:
    """Yield an export of everything that is sealed, or of what is sealed up to `until`, an archive's way.

    Without `values` the personal values stay here; their salted hashes are part of the rows in any case.
    """
    lines = list(place().lines())
    start, link, _ = beginning(lines)
    last = _head(start) if until is None else until
    yield _line(
        {
            "kind": "header",
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "first": start + 1,
            "last": last,
            "link": link,
            "complete": until is None,
            "values": values,
            "public_keys": {str(number): key.hex() for number, key in keys.public().items()},
        }
    )
    yield from map(_line, lines)
    rows = 0
    for page in pages(after=start, until=last, size=1000):
        rows += len(page)
        yield b"".join(_sealed(seal, row, values) for seal, row in page)
    yield _line({"kind": "end", "rows": rows})


def write_zip(file: Path | IO[bytes], *, values: bool) -> None:
    """Write an export and the verifier into one file."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("audit.ndjson", "w", force_zip64=True) as out:
            for part in export_lines(values=values):
                out.write(part)
        archive.writestr("verify.py", verifier())
        archive.writestr("README.txt", README)


def _sealed(seal: dict[str, Any], row: dict[str, Any] | None, values: bool) -> bytes:
    if row is not None and not values:
        row = {name: value for name, value in row.items() if name not in {"salt", "values"}}
    return _line({"kind": "row", "seal": seal, "row": row})


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _head(start: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), %s) FROM audit_seal", [start])
        return int(cursor.fetchone()[0])
