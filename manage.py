#!/usr/bin/env python3
"""Django's command line. Finds or starts the embedded servers for the commands that need them."""

import os
import sys
from pathlib import Path


def main() -> int:
    if sys.version_info[:2] != (3, 11):
        sys.exit("ease: needs Python 3.11, this is " + sys.version.split()[0])
    settings = "djangocrud.settings"
    if sys.argv[1:2] == ["test"]:
        settings = "djangocrud.settings_test"
        # Tests have servers and files of their own, so they never meet the data of `make run`.
        os.environ.setdefault("EASE_VAR", str(Path(__file__).resolve().parent / "var" / "test"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    try:
        from djangocrud import launch
    except ModuleNotFoundError as missing:
        sys.exit(f"ease: {missing.name} is not installed; use .venv/bin/python, which `make run` makes")
    return launch.manage(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
