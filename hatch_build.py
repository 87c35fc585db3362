"""Put what is not Python into the wheel: settings, migrations, edge functions, the dashboard.

A checkout (an editable install) needs no copies: `config.data_file` finds the folders themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = (
    "config",
    "supabase/config.toml",
    "supabase/migrations",
    "supabase/functions",
    "web/dist",
)


class DataHook(BuildHookInterface):  # type: ignore[type-arg]
    """Include the data folders in a real wheel; fail with advice when the dashboard is missing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        if not Path(self.root, "web", "dist", "index.html").exists():
            raise FileNotFoundError("the dashboard is not built: run `make wheel`")
        for folder in DATA:
            build_data["force_include"][f"{self.root}/{folder}"] = (
                f"claude_code_tracer/_data/{folder}"
            )
