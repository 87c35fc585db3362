"""The bundled table, and the names under which a model is looked up in it."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_code_tracer.config import data_file
from claude_code_tracer.pricing.names import read_name
from claude_code_tracer.pricing.vendored import VENDORED_VERSION, vendored_bands

TABLE = data_file("config", "prices.json")


def test_the_version_names_this_very_file() -> None:
    content = TABLE.read_bytes()
    digest = blake2b(content, digest_size=4).hexdigest()
    assert f"{json.loads(content)['source']} {digest}" == VENDORED_VERSION


def test_the_file_is_small_and_says_where_it_came_from() -> None:
    assert TABLE.stat().st_size < 300_000
    table: dict[str, Any] = json.loads(TABLE.read_bytes())
    assert table["licence"].startswith("MIT License")
    assert "Permission is hereby granted" in table["licence"]


def test_every_price_is_one() -> None:
    for model, bands in json.loads(TABLE.read_bytes())["models"].items():
        starts = [band[0] for band in bands]
        assert starts == sorted(starts, reverse=True), model
        assert starts[-1] == 0, model
        for band in bands:
            assert len(band) == 6, model
            assert band[1] or band[2], model
            assert all(p is None or 0 <= p < 10_000 for p in band[1:]), model


def test_every_name_is_found_again() -> None:
    for model in json.loads(TABLE.read_bytes())["models"]:
        assert vendored_bands(read_name(model)), model


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("claude-opus-4-6[1m]", "claude-opus-4-6"),
        ("claude-4.5-sonnet", "claude-sonnet-4-5"),
        ("claude-4.5-opus-high-thinking", "claude-opus-4-5"),
        ("claude-3.7-sonnet", "claude-3.7-sonnet"),
        ("Anthropic/Claude-Opus-4-6", "claude-opus-4-6"),
        ("us.anthropic.claude-opus-4-6-v1:0", "claude-opus-4-6"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
        ("bedrock/us-east-1/moonshotai.kimi-k2.5", "kimi-k2.5"),
        ("qwen.qwen3-coder-480b-a35b-v1:0", "qwen3-coder-480b-a35b"),
        ("amazon.nova-pro-v1:0", "nova-pro"),
        ("deepseek-v3", "deepseek-v3"),
        ("deepseek.v3-v1:0", "v3"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("vertex_ai/claude-opus-4-6@default", "claude-opus-4-6"),
        ("z-ai/glm-4.6:free", "glm-4.6"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("", ""),
        ("///", ""),
    ],
)
def test_a_name_without_its_surroundings(text: str, bare: str) -> None:
    assert read_name(text).bare == bare


def test_what_a_name_says_beside_the_model() -> None:
    assert read_name("qwen/qwen3-coder:free").is_free
    assert not read_name("qwen/qwen3-coder").is_free
    assert read_name("claude-opus-4.8-fast").is_fast
    assert not read_name("glm-5.2-fast").is_fast
    assert read_name("openrouter/z-ai/glm-4.6").routed == "z-ai/glm-4.6"
    assert read_name("gpt-5-2025-08-07").undated == "gpt-5"
    assert read_name("devstral-medium-2507").undated == "devstral-medium"
    assert read_name("kimi-k2-0905").undated == "kimi-k2-0905"


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    name = read_name(text)
    assert len(name.bare) <= 400
    assert name.undated is not None


def test_a_help_text_does_not_wait_for_prices() -> None:
    """The library takes 0.1 s to load: only who asks for a price pays for it."""
    code = (
        "import sys, claude_code_tracer.pricing as p; p.Prices();"
        "print([m for m in ('genai_prices', 'importlib.metadata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
