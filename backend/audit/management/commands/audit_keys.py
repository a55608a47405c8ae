"""`manage.py audit_keys`: the public keys, for anybody; `--file`: what an auditor proves digests and seals with."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from backend.audit import keys


class Command(BaseCommand):
    help = "Print the public keys. --file writes the keys of digests and seals, which let nobody sign checkpoints."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path)

    def handle(self, *args: Any, file: Path | None, **options: Any) -> None:
        for number, public in sorted(keys.public().items()):
            self.stdout.write(f"{number}:{public.hex()}")
        if file is not None:
            found = {str(n): {"digest": k.digest.hex(), "seal": k.seal.hex()} for n, k in keys.proving().items()}
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as out:
                json.dump({"keys": found}, out)
