"""Make sure the browser tests have a Chromium: the system's, Debian's, or Playwright's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.e2e.chromium import find_chromium


def main() -> int:
    """Install one where there is none; exit 1 with advice when that fails."""
    if find_chromium():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> installing Chromium from Debian for the browser tests", flush=True)
        apt = ["apt-get", "-qq", "-o=Dpkg::Use-Pty=0"]
        quiet = {"stdout": subprocess.DEVNULL}
        subprocess.run([*apt, "update"], check=False, **quiet)  # type: ignore[call-overload]
        subprocess.run(  # type: ignore[call-overload]
            [*apt, "install", "-y", "--no-install-recommends", "chromium"],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
            **quiet,
        )
    else:
        print("==> installing Playwright's Chromium for the browser tests", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if find_chromium():
        return 0
    print("No Chromium: install it (apt-get install chromium) or set CHROMIUM=/path/to/chromium")
    return 1


if __name__ == "__main__":
    sys.exit(main())
