"""Whether the server of this container answers: exit code 0 or 1. `healthy.py [PORT]`, for HEALTHCHECK."""

import sys
import urllib.request

WITHIN_S = 4


def main(port: str = "8000") -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{int(port)}/livez", timeout=WITHIN_S) as answer:  # noqa: S310
            return 0 if answer.status == 200 else 1
    except (OSError, ValueError) as fault:
        sys.stderr.write(f"not healthy: {fault}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
