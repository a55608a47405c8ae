"""Drawing PDFs in processes of their own: `draw` sends one a script, a line of JSON for each thing, and gets the file.

Laying out text takes a millisecond for each line and some 90 MB, neither of which may come from a server that others
talk to. What draws is a module that reads its standard input and writes its standard output (paper.py helps).
"""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from typing import IO, Any

import orjson
import structlog
from django.conf import settings

from backend.common.errors import Unavailable

log = structlog.get_logger(__name__)

WITHIN_S = 25
AT_ONCE = 2  # of the threads that answer requests
WAIT_S = 5
_drawing = threading.BoundedSemaphore(AT_ONCE)


def draw(module: str, script: Iterable[dict[str, Any]]) -> IO[bytes]:
    """Have a module draw this script; return the PDF as a file, at its beginning.

    Raises: Unavailable, when too many are being drawn or this one takes too long; what reading the script raises.
    """
    drawn = tempfile.TemporaryFile()  # noqa: SIM115 - whoever gets it closes it
    try:
        with tempfile.TemporaryFile() as lines:
            for line in script:
                lines.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            lines.seek(0)
            if not _drawing.acquire(timeout=WAIT_S):
                raise Unavailable
            try:
                _run(module, lines, drawn)
            finally:
                _drawing.release()
        drawn.seek(0)
    except BaseException:
        drawn.close()
        raise
    return drawn


def _run(module: str, lines: IO[bytes], drawn: IO[bytes]) -> None:
    try:
        subprocess.run(  # noqa: S603 - our own module, and no argument from outside
            [sys.executable, "-m", module],
            stdin=lines,
            stdout=drawn,
            stderr=subprocess.PIPE,
            cwd=settings.BASE_DIR,
            timeout=WITHIN_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        log.warning("drawing.too_slow", module=module, seconds=WITHIN_S)
        raise Unavailable from None
    except subprocess.CalledProcessError as fault:
        log.error("drawing.failed", module=module, stderr=fault.stderr[-2000:].decode(errors="replace"))
        raise
