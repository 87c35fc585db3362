"""Cut `config/prices.json` out of LiteLLM's price table.

    pip download litellm==1.109.1 --no-deps --dest /tmp/litellm
    python scripts/make_price_table.py /tmp/litellm/litellm-1.109.1-*.whl

It prints what `VENDORED_VERSION` in claude_code_tracer/pricing/vendored.py must then say.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

from claude_code_tracer.config import data_file
from claude_code_tracer.pricing.names import read_name

TABLE = "litellm/model_prices_and_context_window_backup.json"
MODES = {"chat", "responses"}

# A model has several sellers: the price of the first in this list is taken, its maker's mostly.
SELLERS = (
    "anthropic", "openai", "gemini", "xai", "deepseek", "mistral", "codestral", "zai", "moonshot",
    "dashscope", "minimax", "xiaomi_mimo", "meta", "meta_llama", "tencent", "volcengine", "morph",
    "inception", "cognition", "amazon_nova", "cohere_chat", "bedrock_converse", "bedrock",
    "vertex_ai-anthropic_models", "vertex_ai-language-models", "vertex_ai", "azure", "azure_ai",
    "groq", "cerebras", "github_copilot", "opencode_go", "vercel_ai_gateway", "fireworks_ai",
    "together_ai", "deepinfra", "novita", "nebius", "baseten", "sambanova",
)  # fmt: skip

KEYS = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_1hr",
)
THRESHOLD = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")

NOTE = """Prices of models that genai-prices does not list. Made by scripts/make_price_table.py; \
do not edit: set `prices:` in config.yml instead. Per model, bands by size of the whole input, the \
largest first: [above so many tokens, then USD per million tokens of input, output, cache read, \
5-minute cache write, 1-hour cache write]; null is not listed."""


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        table = json.loads(archive.read(TABLE), parse_float=Decimal)
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/licenses/LICENSE"))
        licence = archive.read(name).decode().split("---")[-1].strip()
    version = Path(wheel).name.split("-")[1]
    content = render({"note": NOTE, "source": f"litellm {version}", "licence": licence}, cut(table))
    data_file("config", "prices.json").write_bytes(content)
    digest = blake2b(content, digest_size=4).hexdigest()
    print(f'VENDORED_VERSION = "litellm {version} {digest}"  # {len(content)} bytes')


def cut(table: dict[str, Any]) -> dict[str, list[list[Any]]]:
    """Return the bands of every model, under its bare name and without the day of its version."""
    chosen: dict[str, tuple[int, list[list[Any]]]] = {}
    for key, entry in table.items():
        seller = entry.get("litellm_provider")
        if entry.get("mode") not in MODES or seller not in SELLERS:
            continue
        bands = bands_of(entry)
        if not bands:
            continue
        name = read_name(key)
        rank = SELLERS.index(seller)
        for text, worth in ((name.bare, rank), (name.undated, rank + len(SELLERS))):
            if text not in chosen or worth < chosen[text][0]:
                chosen[text] = (worth, bands)
    return {text: bands for text, (_, bands) in sorted(chosen.items())}


def bands_of(entry: dict[str, Any]) -> list[list[Any]]:
    """Return the entry's bands; none when it is not sold by the token, or for nothing."""
    if tiers := entry.get("tiered_pricing"):
        bands = [[int(tier["range"][0]), *prices(tier)] for tier in tiers if "range" in tier]
    else:
        starts = {int(m[1]) for key in entry if (m := THRESHOLD.fullmatch(key))}
        bands = [[0, *prices(entry)]]
        bands += [[k * 1000, *prices(entry, f"_above_{k}k_tokens")] for k in starts]
    bands.sort(key=lambda band: -band[0])
    is_sold = all(band[1] is not None and band[2] is not None for band in bands)
    return bands if is_sold and any(band[1] or band[2] for band in bands) else []


def prices(entry: dict[str, Any], suffix: str = "") -> list[Any]:
    """Return USD per million tokens; a price without an entry for the band keeps its base."""
    found = [entry.get(key + suffix, entry.get(key)) for key in KEYS]
    return [None if price is None else number(Decimal(price) * 1_000_000) for price in found]


def number(price: Decimal) -> Any:
    price = round(price, 6).normalize()
    return int(price) if price == price.to_integral_value() else float(price)


def render(head: dict[str, str], models: dict[str, list[list[Any]]]) -> bytes:
    """Return the file: one line per model, so that a change can be read."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in models.items()]
    facts = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in head.items()]
    body = ",\n  ".join(lines)
    return ("{\n" + ",\n".join(facts) + ',\n "models": {\n  ' + body + "\n }\n}\n").encode()


if __name__ == "__main__":
    main(sys.argv[1])
