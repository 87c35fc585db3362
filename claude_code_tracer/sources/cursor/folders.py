"""Folders and titles as Cursor's databases write them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from claude_code_tracer.sources.values import mapping, string

__all__ = ["folder_of", "is_placeholder", "path_of"]

_DRIVE = re.compile(r"/[A-Za-z]:")
_PLACEHOLDERS = {"new agent", "new chat", "new composer", "untitled"}


def path_of(uri: object) -> str | None:
    """Return the path of a `file:` or `vscode-remote:` URI, a text or the object of VS Code."""
    fields = mapping(uri)
    if fields:
        path = string(fields.get("fsPath")) or string(fields.get("path"))
        return path or path_of(fields.get("external"))
    text = string(uri)
    if text is None or "://" not in text:
        return text
    try:
        path = unquote(urlsplit(text).path)
    except ValueError:
        return None
    return (path[1:] if _DRIVE.match(path) else path) or None


def folder_of(composer: dict[str, Any]) -> str | None:
    """Return the folder that a composer works in."""
    workspace = mapping(composer.get("workspaceIdentifier"))
    folder = path_of(workspace.get("uri")) or path_of(composer.get("workspaceUri"))
    if folder is None and (file := path_of(workspace.get("configPath"))):
        folder = re.split(r"[/\\](?=[^/\\]*\Z)", file)[0]
    return folder or _repository(composer, "repoPath")


def _repository(composer: dict[str, Any], field: str) -> str | None:
    repositories = composer.get("trackedGitRepos")
    first = repositories[0] if type(repositories) is list and repositories else None
    return string(mapping(first).get(field))


def is_placeholder(title: object) -> bool:
    """Tell whether a title is what Cursor writes until it has one."""
    return type(title) is str and title.strip().lower() in _PLACEHOLDERS
