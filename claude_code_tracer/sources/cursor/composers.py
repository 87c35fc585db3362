"""`state.vscdb` of the IDE: a composer is a session, each of its bubbles a message.

The rows of one composer come in any order, a bubble is written again while it grows, and what one
row says of another is joined by the select. So every row stands for itself: its place is the time
of its creation, its version the row's mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from claude_code_tracer.sources.cursor.bubbles import Bubble, add_bubble
from claude_code_tracer.sources.cursor.folders import folder_of, is_placeholder, path_of
from claude_code_tracer.sources.cursor.rows import Row, fields_of, json_of, rows_of
from claude_code_tracer.sources.cursor.state import State
from claude_code_tracer.sources.cursor.tables import BUBBLE_FIELDS, COMPOSER_FIELDS
from claude_code_tracer.sources.draft import Draft, path_text
from claude_code_tracer.sources.source import Line, Transcript
from claude_code_tracer.sources.values import count, identifier, mapping, string

__all__ = ["read_composers"]

_SUBAGENT = "task-"
"""How the id of a composer begins that a tool call started: the call's id follows."""


def read_composers(draft: Draft, file: Transcript, lines: Sequence[Line], state: State) -> None:
    """Add what some rows of the IDE's database say."""
    reading = _Reading(draft, file, state)
    for row in rows_of(draft, lines):
        reading.read(row)


class _Reading:
    def __init__(self, draft: Draft, file: Transcript, state: State) -> None:
        self._draft = draft
        self._path = path_text(file.path)
        self._state = state

    def read(self, row: Row) -> None:
        match row.table:
            case "composers":
                composer = fields_of(self._draft, row, COMPOSER_FIELDS)
                if composer is not None:
                    self._composer(row, row.key.partition(":")[2], composer)
            case "headers":
                composer = json_of(self._draft, row)
                if type(composer) is dict:
                    self._composer(row, row.key, composer)
            case "bubbles":
                fields = fields_of(self._draft, row, BUBBLE_FIELDS)
                if fields is not None:
                    self._bubble(row, fields)
            case "items":
                self._old(row, json_of(self._draft, row))

    def _composer(self, row: Row, key: str, composer: dict[str, Any]) -> None:
        """Tell a composer's facts; of old ones also what was said, which stands in the same row."""
        session = identifier(key)
        if session is None:
            return
        revision = count(composer.get("lastUpdatedAt"), 2**53) or row.mark
        subagent = mapping(composer.get("subagentInfo"))
        is_subagent = bool(subagent) or session.startswith(_SUBAGENT)
        folder = folder_of(composer)
        facts = {
            "project_root": folder,
            "cwd": folder,
            "branch": _branch(composer),
            "parent": identifier(subagent.get("parentComposerId")),
            "relation": "subagent" if is_subagent else None,
            "agent_id": session if is_subagent else None,
            "agent_type": string(subagent.get("subagentTypeName")),
        }
        self._open(session, row.mark)
        if self._state.tell(session, f"facts {row.table}", facts):
            self._draft.session(session, revision, **facts)
        self._title(session, revision, composer.get("name"), row.table)
        self._inline(row, session, composer.get("conversation"), revision, is_agent=is_subagent)

    def _open(self, session: str, mark: int) -> None:
        if self._state.tell(session, "path"):
            self._draft.session(session, mark, path=self._path)

    def _title(self, session: str, revision: int, name: object, kind: str) -> None:
        is_one = string(name) is not None and not is_placeholder(name)
        if is_one and self._state.tell(session, f"title {kind}", name):
            self._draft.title(session, revision, name, "generated")

    def _bubble(self, row: Row, fields: dict[str, Any]) -> None:
        composer, _, key = row.key.removeprefix("bubbleId:").rpartition(":")
        session = identifier(composer)
        if session is None or not key:
            return
        model, parent = _pair(row.value.get("composer"))
        is_agent = session.startswith(_SUBAGENT) or string(parent) is not None
        bubble = Bubble(
            session,
            identifier(key) or key,
            row.mark,
            fields,
            is_agent=is_agent,
            default_model=identifier(model),
            before=string(row.value.get("before")),
            after=string(row.value.get("after")),
        )
        self._open(session, row.mark)
        folder = string(fields.get("workspaceProjectDir")) or _first_folder(fields)
        if folder and self._state.tell(session, "folder", folder):
            self._draft.session(session, row.mark, project_root=folder, cwd=folder)
        self._prompt_title(bubble, add_bubble(self._draft, bubble))

    def _prompt_title(self, bubble: Bubble, prompt: str | None) -> None:
        if prompt and self._state.tell(bubble.session, "first prompt"):
            self._draft.title(bubble.session, bubble.revision, prompt, "first_prompt")

    def _inline(
        self, row: Row, session: str, conversation: object, revision: int, *, is_agent: bool
    ) -> None:
        """Add the bubbles of a composer that keeps them itself, as until early 2025."""
        bubbles = conversation if type(conversation) is list else []
        for index, value in enumerate(bubbles):
            fields = mapping(value)
            key = identifier(fields.get("bubbleId")) or identifier(fields.get("id"))
            bubble = Bubble(
                session, key or f"#{index}", revision, fields, is_agent=is_agent, ordinal=index + 1
            )
            self._prompt_title(bubble, add_bubble(self._draft, bubble))

    def _old(self, row: Row, value: object) -> None:
        """Read a workspace's own list: only the oldest builds kept conversations in it."""
        composers = mapping(value).get("allComposers", value if type(value) is list else None)
        for composer in composers if type(composers) is list else []:
            fields = mapping(composer)
            if fields.get("conversation") and string(fields.get("composerId")):
                self._composer(row, fields["composerId"], fields)
        tabs = mapping(value).get("tabs") or mapping(value).get("chatSessions")
        for tab in tabs if type(tabs) is list else []:
            self._tab(row, mapping(tab))

    def _tab(self, row: Row, tab: dict[str, Any]) -> None:
        """Read a tab of the chat panel of 2023 and 2024."""
        session = identifier(tab.get("tabId")) or identifier(tab.get("id"))
        said = tab.get("bubbles") or tab.get("messages")
        if session is None or type(said) is not list or not said:
            return
        self._open(session, row.mark)
        self._title(session, row.mark, tab.get("chatTitle") or tab.get("title"), "tab")
        self._inline(row, session, said, row.mark, is_agent=False)


def _pair(value: object) -> tuple[object, object]:
    pair = value if type(value) is list and len(value) == 2 else [None, None]
    return pair[0], pair[1]


def _first_folder(fields: dict[str, Any]) -> str | None:
    uris = fields.get("workspaceUris")
    return path_of(uris[0]) if type(uris) is list and uris else None


def _branch(composer: dict[str, Any]) -> str | None:
    if branch := string(composer.get("createdOnBranch")):
        return branch
    active = mapping(composer.get("activeBranch"))
    repositories = composer.get("trackedGitRepos")
    first = mapping(repositories[0]) if type(repositories) is list and repositories else {}
    branches = first.get("branches")
    named = mapping(branches[0]) if type(branches) is list and branches else {}
    return string(active.get("branchName")) or string(named.get("branchName"))
