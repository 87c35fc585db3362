"""How long a line takes from the transcript to the eyes: written to visible in a browser."""

from __future__ import annotations

import time

from playwright.sync_api import Page, sync_playwright

from tests.bench.figures import Figure, p95
from tests.e2e.chromium import ARGUMENTS, find_chromium
from tests.e2e.world import World
from tests.transcripts import Conversation

__all__ = ["measure"]

_LINES = 40


def measure() -> list[Figure]:
    """Append lines to a watched transcript while its replay is open in Chromium."""
    path = find_chromium()
    world = World()
    talk = Conversation(world.home, "eeeeeeee-6666-4666-8666-666666666666")
    talk.now()  # a session that is under way opens at its end and follows it
    talk.prompt("Measure me")
    try:
        world.run("start", "--daemon")
        world.run("sync")
        link = next(w for w in world.run("web", "--no-open").split() if "token_hash" in w)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            page = browser.new_page()
            page.goto(link)
            page.get_by_role("link", name="Measure me").click()
            page.get_by_role("main").get_by_text("Measure me").first.wait_for()
            page.wait_for_timeout(1000)
            took_ms = [_one(page, talk, number) for number in range(_LINES)]
            browser.close()
    finally:
        world.close()
    return [
        Figure(
            "line written to visible in the browser, median", sorted(took_ms)[_LINES // 2], "ms"
        ),
        Figure("line written to visible in the browser, p95", p95(took_ms), "ms", 1500),
    ]


def _one(page: Page, talk: Conversation, number: int) -> float:
    text = f"Line number {number} of the latency run"
    begin_s = time.perf_counter()
    talk.prompt(text)
    page.get_by_text(text).first.wait_for(state="visible")
    took_ms = (time.perf_counter() - begin_s) * 1000
    page.wait_for_timeout(137 + number * 17 % 300)
    return took_ms
