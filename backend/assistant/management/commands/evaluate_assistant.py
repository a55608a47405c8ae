"""Ask the evaluation set of the model's server that is set up, and say which cases fail."""

import asyncio
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.assistant import evaluation
from backend.assistant.dialogue import client_module, require_on
from backend.common.errors import DomainError


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--record", action="store_true", help="keep the answers, for tests to replay")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_on()
        except DomainError as fault:
            raise CommandError(fault.detail) from None
        results = asyncio.run(self._evaluated())
        for result in results:
            self.stdout.write(f"{'ok  ' if not result.faults else 'FAIL'} {result.prompt:16} {result.name}")
            for words in result.faults:
                self.stdout.write(f"       {words}")
        if options["record"]:
            answers = {result.key: {"case": result.name, "answer": result.raw} for result in results}
            evaluation.RECORDED.write_text(json.dumps(answers, indent=2, ensure_ascii=False) + "\n")
        if failed := sum(bool(result.faults) for result in results):
            raise CommandError(f"{failed} of {len(results)} cases failed")

    async def _evaluated(self) -> list[evaluation.Result]:
        async with client_module().opened_model() as model:
            return await evaluation.evaluate(model)
