"""Prove that an export of Ease's audit trail is whole: `python verify.py EXPORT [options]`. Python's library only.

What is proved, by whom (backend/docs/trust.md):

* without any secret: each row is the one that was sealed, in the order of sealing, none missing, none added, and the
  chain is the one that the signed checkpoints name;
* with `--keys`, the keys that Ease's operator may hand out: each row was written by Ease, each seal made by it;
* with `--public-key`, known from elsewhere: the signatures are Ease's, and not of whoever made the export;
* with `--witness`, an earlier export or a copy of the checkpoints: nothing that it holds was taken back since.

Ease itself verifies with this very code (backend/audit/verification.py), so the two cannot differ.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from backend.audit.offline.chain import FORMAT, SIGNED_KINDS, Finding, Keys, Walk
from backend.audit.offline.signatures import Verifier, check_beginning, check_lines, check_witness, ed25519_verify

EXIT_BROKEN = 3


def open_export(path: str) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """Open an export: .zip, .gz or plain, one JSON object a line, the header first. Returns header and records."""
    records = (json.loads(line) for line in _lines(path) if line.strip())
    header = next(records, None)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise SystemExit(f"verify: {path} is no export of the format {FORMAT}")
    return header, records


def _lines(path: str) -> Iterator[str]:
    if path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".ndjson"))
            with archive.open(name) as raw:
                yield from io.TextIOWrapper(raw, encoding="utf-8")
    elif path.endswith(".gz"):
        with gzip.open(path, "rt", encoding="utf-8") as text:
            yield from text
    else:
        with open(path, encoding="utf-8") as text:
            yield from text


def signed_lines_of(path: str) -> list[dict[str, Any]]:
    """Return the signed lines of an export, or of a file that holds nothing else."""
    found = (json.loads(line) for line in _lines(path) if line.strip())
    return [line for line in found if line.get("kind") in SIGNED_KINDS]


def verify_export(
    path: str,
    *,
    keys: Mapping[int, Keys] | None = None,
    public_keys: Mapping[int, bytes] | None = None,
    witness: Iterable[Mapping[str, Any]] = (),
    verify: Verifier = ed25519_verify,
) -> tuple[Walk, list[Finding]]:
    """Go through a whole export. Returns how far it went, and everything found, first place first."""
    header, records = open_export(path)
    public = public_keys or {int(version): bytes.fromhex(key) for version, key in header["public_keys"].items()}
    given: list[dict[str, Any]] = []
    record = next(records, None)
    while record is not None and record["kind"] in SIGNED_KINDS:
        given.append(record)
        record = next(records, None)
    good, findings = check_lines(given, public, verify)
    findings += check_witness(given, witness)
    findings += check_beginning(header["first"], header["link"], good, is_complete=header["complete"])
    walk = Walk(
        seq=header["first"] - 1,
        link=header["link"],
        keys=keys,
        expected={line["seq"]: line["link"] for line in good},
        knows_values=header["values"],
    )
    while record is not None and record["kind"] == "row":
        walk.step(record["seal"], record["row"])
        record = next(records, None)
    if record is None:
        walk.find(walk.seq + 1, "truncated", "the export does not come to its end")
    heads = [line["seq"] for line in good if header["complete"]]
    return walk, sorted(findings + walk.finish(head=max([header["last"], *heads])))


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    witness = signed_lines_of(given.witness) if given.witness else []
    keys = _read_keys(given.keys) if given.keys else None
    public = {int(v): bytes.fromhex(k) for v, _, k in (one.partition(":") for one in given.public_key)}
    walk, findings = verify_export(given.export, keys=keys, public_keys=public or None, witness=witness)
    if given.json:
        report = {"rows": walk.rows, "last": walk.seq, "findings": [asdict(one) for one in findings]}
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        _say(walk, findings, with_keys=keys is not None, pinned=bool(public))
    return EXIT_BROKEN if findings else 0


def _say(walk: Walk, findings: list[Finding], *, with_keys: bool, pinned: bool) -> None:
    for finding in findings[:20]:
        sys.stdout.write(f"{finding}\n")
    verdict = f"BROKEN, first {findings[0]}" if findings else "whole"
    proof = "chain, order, signatures and each row's digest" if with_keys else "chain, order and signatures"
    sys.stdout.write(f"{walk.rows} rows, up to {walk.seq}: {verdict}\nchecked: {proof}\n")
    if not pinned:
        sys.stdout.write("the public key came with the export: compare it with one that you have from elsewhere\n")


def _read_keys(path: str) -> dict[int, Keys]:
    with open(path, encoding="utf-8") as text:
        found = json.load(text)
    return {int(v): Keys(bytes.fromhex(k["digest"]), bytes.fromhex(k["seal"])) for v, k in found["keys"].items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Prove that an export of Ease's audit trail is whole.")
    parser.add_argument("export", help="a .zip, .ndjson.gz or .ndjson file")
    parser.add_argument("--keys", help="a file made by `manage.py audit_keys --file`: checks each row's digest, too")
    parser.add_argument("--public-key", action="append", default=[], metavar="VERSION:HEX", help="known from elsewhere")
    parser.add_argument("--witness", help="an earlier export or copy of the checkpoints: nothing of it may be gone")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
