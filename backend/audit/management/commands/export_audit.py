"""`manage.py export_audit FILE`: the trail, its checkpoints and the verifier, for somebody who need not trust us."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from backend.audit.exporting import export_lines, write_zip
from backend.audit.offline.bundle import verifier
from backend.audit.services import record
from backend.audit.services.sealing import sign_checkpoint
from backend.common.unit_of_work import unit_of_work


class Command(BaseCommand):
    help = "Write the trail to FILE: .zip with the verifier, .ndjson without. `--verifier` prints the verifier alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--values", action="store_true", help="with personal values, old and new")
        parser.add_argument("--verifier", action="store_true", help="print verify.py and do nothing else")

    def handle(self, *args: Any, file: Path | None, values: bool, **options: Any) -> None:
        if options["verifier"] or file is None:
            self.stdout.write(verifier())
            return
        with unit_of_work():
            record(actor_id=None, action="audit.exported", facts={"by": "command", "values": values})
        sign_checkpoint()
        if file.suffix == ".zip":
            write_zip(file, values=values)
        else:
            with file.open("wb") as out:
                for part in export_lines(values=values):
                    out.write(part)
        self.stdout.write(f"written to {file}")
