"""`pip install` gives everything: the wheel holds the migrations, settings and the dashboard."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_holds_all_that_a_checkout_has(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    data = "claude_code_tracer/_data"
    for folder in ("config", "supabase/migrations"):
        for file in (ROOT / folder).iterdir():
            assert f"{data}/{folder}/{file.name}" in names
    assert {f"{data}/web/dist/index.html", f"{data}/supabase/config.toml"} <= names
    assert "claude_code_tracer/local/bootstrap.sql" in names
    assert not [name for name in names if name.startswith(("tests/", "web/"))]
