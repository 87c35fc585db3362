"""Which folder a chat is of: it says only the folder's SHA-256, and names paths inside it.

So every path that the chat mentions is tried, up to the root: the one whose digest is the chat's is
its project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from typing import Any

from claude_code_tracer.sources.values import mapping

__all__ = ["folder_of", "paths_in_call", "paths_in_text"]

_MAX_PATHS = 64
_MAX_CHARS = 4096
_MAX_LEVELS = 40
_HEAD_CHARS = 8192
_ARGUMENTS = ("file_path", "absolute_path", "dir_path", "path", "directory", "paths")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")
_LISTED = re.compile(r"(?:^\s{0,8}- |directory: |folder: )((?:/|[A-Za-z]:\\)[^\n]{0,1000})$", re.M)


def folder_of(digest: str, paths: Iterable[str]) -> str | None:
    """Return that of `paths` or of the folders above them which has this SHA-256."""
    for path in islice(paths, _MAX_PATHS):
        for folder in islice(_upwards(path), _MAX_LEVELS):
            if sha256(folder.encode("utf-8", "replace")).hexdigest() == digest:
                return folder
    return None


def _upwards(path: str) -> Iterator[str]:
    if len(path) > _MAX_CHARS or not _ABSOLUTE.match(path):
        return
    while path:
        yield path
        cut = max(path.rfind("/"), path.rfind("\\"))
        path = path[:cut] if cut > 0 else ""


def paths_in_call(call: dict[str, Any]) -> Iterator[str]:
    """Return the absolute paths that a tool was called with."""
    arguments = mapping(call.get("args"))
    for name in _ARGUMENTS:
        value = arguments.get(name)
        for item in value if type(value) is list else [value]:
            if type(item) is str and _ABSOLUTE.match(item):
                yield item


def paths_in_text(text: str) -> Iterator[str]:
    """Return the folders that the CLI lists when it tells the model where it works."""
    for found in _LISTED.finditer(text[:_HEAD_CHARS]):
        yield found[1].rstrip().removesuffix(".") if ": " in found[0] else found[1].rstrip()
