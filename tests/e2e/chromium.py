"""Where the browser is, and how it is started so that it talks to loopback only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

__all__ = ["ARGUMENTS", "find_chromium"]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, names), _playwright_own()]
    return next((c for c in candidates if c and Path(c).exists()), None)


def _playwright_own() -> str:
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path
