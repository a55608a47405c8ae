"""`python -m ml.training.notebook [FILE] [--write]`: run a notebook's cells in order, without Jupyter.

With `--write` what they print is put into the file. The test runs it without, so the notebook cannot rot.
"""

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml.training.command import parser, run, say

WALK = Path(__file__).resolve().parent.parent / "train_model.ipynb"


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("ml.training.notebook", __doc__)
    options.add_argument("file", type=Path, nargs="?", default=WALK)
    options.add_argument("--write", action="store_true", help="keep what the cells print in the file")
    given = options.parse_args(arguments)

    def work() -> int:
        notebook = json.loads(given.file.read_text())
        for printed in execute(notebook):
            say(printed)
        if given.write:
            given.file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
        return 0

    return run("ml.training.notebook", work)


def execute(notebook: dict[str, Any]) -> list[str]:
    """Run the code cells in one namespace and put what each printed into it. Raises what a cell raises."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = compile("".join(cell["source"]), f"cell {number}", "exec")
            exec(code, namespace)  # noqa: S102 - running its code is what a notebook is for
        text = out.getvalue()
        cell["execution_count"] = number
        cell["outputs"] = [_stream(text)] if text else []
        printed.append(text)
    return printed


def _stream(text: str) -> dict[str, Any]:
    return {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}


if __name__ == "__main__":
    sys.exit(main())
