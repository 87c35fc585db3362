"""The dashboard in a real Chromium: sign in, read a session, see it grow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.chromium import ARGUMENTS, find_chromium
from tests.e2e.world import World
from tests.transcripts import Conversation

pytestmark = [pytest.mark.slow, pytest.mark.browser]

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)"> '
    "[click](javascript:alert(3)) ![pixel](http://192.0.2.1/p.png) \u202etxt.exe"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def talk(world: World) -> Conversation:
    talk = Conversation(world.home, "dddddddd-5555-4555-8555-555555555555")
    talk.prompt("Please fix the parser")
    tool = talk.tool_use("Bash", {"command": "pytest -q tests/test_parser.py"})
    talk.tool_result(tool, "1 failed, 3 passed", is_error=True)
    talk.answer("The parser is **fixed** now.")
    return talk


@pytest.fixture
def link(world: World, talk: Conversation) -> str:
    """A running tracer's link that signs in once."""
    world.run("start", "--daemon")
    world.run("sync")
    return sign_in_link(world)


def sign_in_link(world: World) -> str:
    words = world.run("web", "--no-open").split()
    return next(word for word in words if "token_hash" in word)


def test_a_line_that_is_written_appears_without_reload(
    page: Page, link: str, talk: Conversation
) -> None:
    problems: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(link)
    expect(page.get_by_test_id("session-row")).to_have_count(1)
    assert "token_hash" not in page.url
    page.get_by_role("link", name="Please fix the parser").click()
    replay = page.get_by_role("main")
    expect(replay.get_by_text("pytest -q tests/test_parser.py").first).to_be_visible()
    expect(replay.get_by_text("1 failed, 3 passed").first).to_be_attached()
    expect(replay.locator("strong", has_text="fixed")).to_be_visible()

    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))
    talk.prompt("And now a live line arrives")
    expect(replay.get_by_text("And now a live line arrives").first).to_be_visible()
    assert loads == []
    assert problems == []


def test_s26_hostile_text_is_shown_as_text(page: Page, link: str, talk: Conversation) -> None:
    dialogs: list[str] = []
    requests: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(link)
    page.get_by_role("link", name="Please fix the parser").click()
    talk.prompt(f"prompt {HOSTILE}")
    talk.answer(f"answer {HOSTILE}")
    tool = talk.tool_use("Bash", {"command": f"tool {HOSTILE}"})
    talk.tool_result(tool, f"result {HOSTILE}")
    talk.record(type="ai-title", aiTitle=f"title {HOSTILE}")
    replay = page.get_by_role("main")
    for where in ("prompt", "answer", "title"):
        expect(replay.get_by_text(f"{where} ").first).to_be_visible()
    page.wait_for_timeout(500)
    assert dialogs == []
    assert [url for url in requests if "192.0.2.1" in url] == []
    assert page.locator("a[href^='javascript:']").count() == 0
    assert page.get_by_text("<script>alert(1)</script>").count() > 0


def test_a_sign_in_link_works_once_and_says_so(page: Page, browser: Browser, link: str) -> None:
    page.goto(link)
    expect(page.get_by_test_id("session-row")).to_have_count(1)
    other = browser.new_context().new_page()
    other.goto(link)
    expect(other.get_by_text("claude-tracer web").first).to_be_visible()
    expect(other.get_by_test_id("session-row")).to_have_count(0)
    other.context.close()


def test_a_stale_sign_in_is_explained_not_looped(page: Page, world: World, link: str) -> None:
    page.goto(link)
    expect(page.get_by_test_id("session-row")).to_have_count(1)
    url = page.url
    port = url.split(":")[2].split("/")[0]
    world.forget_all()  # another database with other keys, at the same address
    world.run("start", "--daemon", "--port", port)
    world.run("sync")
    page.goto(url)
    expect(page.get_by_text("claude-tracer web").first).to_be_visible()
    expect(page.get_by_test_id("session-row")).to_have_count(0)
    page.goto(sign_in_link(world))
    expect(page.get_by_test_id("session-row")).to_have_count(1)
