"""Where Cline and Roo Code keep their tasks: in every editor of the VS Code family, and apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Transcript

__all__ = [
    "MESSAGES",
    "extension_folders",
    "session_folders",
    "session_transcript",
    "task_folders",
    "task_transcript",
]

MESSAGES = ("ui_messages.json", "claude_messages.json")
"""What a person saw of a task; the second is its name of 2024."""

_METADATA = "task_metadata.json"
_HISTORY = "api_conversation_history.json"
_FACTS = ("history_item.json", _METADATA)
_BESIDE = (_METADATA, _HISTORY)
"""Read together with MESSAGES, in this order, for what only they say."""
_SDK_MESSAGES = ".messages.json"
_SDK_NO_TRANSCRIPT = (".compaction.json", "sessions.index.json")
_EDITORS = (
    "Code",
    "Code - Insiders",
    "Code - OSS",
    "VSCodium",
    "Cursor",
    "Windsurf",
    "Trae",
    "Kiro",
    "Antigravity",
)
_SERVERS = (
    ".vscode-server/data/User",
    ".vscode-server-insiders/data/User",
    ".cursor-server/data/User",
    ".windsurf-server/data/User",
    ".local/share/code-server/User",
)
_MAX_ID_CHARS = 200


def extension_folders(extension: str, env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return the `tasks` folders of an extension in every editor, and their profiles' folders."""
    config = Path(env.get("XDG_CONFIG_HOME") or user_home / ".config")
    mac = user_home / "Library" / "Application Support"
    users = [base / editor / "User" for base in (config, mac) for editor in _EDITORS]
    users += [user_home / server for server in _SERVERS]
    folders = []
    for user in users:
        folders += [user / "globalStorage" / extension / "tasks", user / "profiles"]
    return [*folders, user_home / ".vscode-mock" / "global-storage" / extension / "tasks"]


def task_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return where Cline's command line and JetBrains plugin keep tasks."""
    return [data / "tasks" for data in _data_folders(env, user_home)]


def session_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return where Cline's SDK, the command line of 2026, keeps sessions."""
    own = env.get("CLINE_SESSION_DATA_DIR")
    folders = [data / "sessions" for data in _data_folders(env, user_home)]
    return [_expand(own, user_home), *folders] if own else folders


def _data_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    if data := env.get("CLINE_DATA_DIR"):
        return [_expand(data, user_home)]
    if home := env.get("CLINE_DIR"):
        return [_expand(home, user_home) / "data"]
    return [user_home / ".cline" / "data"]


def _expand(name: str, user_home: Path) -> Path:
    return user_home / name[2:] if name.startswith("~/") else Path(name)


def task_transcript(source: str, extension: str, root: Path, path: Path) -> Transcript | None:
    """Return what `path` below a `tasks` or `profiles` folder holds: `tasks/<id>/<file>`."""
    parts = _parts(root, path)
    if root.name == "profiles":
        middle = ("globalStorage", extension, "tasks")
        parts = parts[4:] if len(parts) == 6 and parts[1:4] == middle else ()
    if len(parts) != 2 or parts[1] not in (*MESSAGES, *_FACTS) or not _is_id(parts[0]):
        return None
    beside = tuple(map(path.with_name, _BESIDE)) if parts[1] in MESSAGES else ()
    return Transcript(source, path, parts[0], shape=Shape.DOCUMENT, companions=beside)


def session_transcript(source: str, root: Path, path: Path) -> Transcript | None:
    """Return what `path` below a `sessions` folder holds.

    `<id>/<id>.messages.json` is a session, `<id>/<agent>.messages.json` an agent it started, and
    `<id>/<id>.json` says where it worked.
    """
    parts = _parts(root, path)
    if len(parts) != 2 or not parts[1].endswith(".json") or not _is_id(parts[0]):
        return None
    session, name = parts
    if name == f"{session}.json":
        return Transcript(source, path, session, shape=Shape.DOCUMENT)
    if not name.endswith(_SDK_MESSAGES) or name.endswith(_SDK_NO_TRANSCRIPT):
        return None
    stem = name.removesuffix(_SDK_MESSAGES)
    if stem == session:
        return Transcript(source, path, session, shape=Shape.DOCUMENT)
    agent = f"{session}/{stem}"
    if not stem or len(agent) > _MAX_ID_CHARS:
        return None
    return Transcript(source, path, agent, parent=session, shape=Shape.DOCUMENT)


def _parts(root: Path, path: Path) -> tuple[str, ...]:
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return () if ".." in parts else parts


def _is_id(name: str) -> bool:
    return not name.startswith((".", "_")) and len(name) <= _MAX_ID_CHARS
