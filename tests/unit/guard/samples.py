"""Invented secrets, put together here so that scanners of this repository stay quiet."""

from __future__ import annotations

__all__ = ["HARMLESS", "PEM", "SECRETS"]

_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
PEM = f"-----BEGIN PRIVATE KEY-----\n{_BODY}\n{_BODY[::-1]}\nQw==\n-----END PRIVATE KEY-----"

_A36 = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
_HEX40 = "0f1e2d3c4b5a69788796a5b4c3d2e1f00123abcd"

SECRETS = {
    "anthropic": "sk-ant-" + "api03-" + _A36 * 2 + "_-xY" + "AA",
    "anthropic oauth": "sk-ant-" + "oat01-" + _A36 * 2,
    "openai project": "sk-" + "proj-" + _A36 + "_" + _A36,
    "openai": "sk-" + _A36 + "S9t0U1v2W3x4",
    "openrouter": "sk-" + "or-v1-" + _HEX40 + _HEX40[:24],
    "github": "ghp" + "_" + _A36,
    "github oauth": "gho" + "_" + _A36,
    "github user": "ghu" + "_" + _A36,
    "github server": "ghs" + "_" + _A36,
    "github refresh": "ghr" + "_" + _A36 + _A36,
    "github fine": "github" + "_pat_" + "11ABCDEFG0" + _A36 + "_" + _A36,
    "gitlab": "glpat" + "-" + "Xy1_Zw2vUt3sRq4pOn5m",
    "slack bot": "xoxb" + "-123456789012-1234567890123-" + "AbCdEfGhIjKlMnOpQrStUvWx",
    "slack user": "xoxp" + "-123456789012-1234567890123-" + "AbCdEfGhIjKlMnOpQrStUvWx",
    "aws id": "AKIA" + "Q3EGRZ7XN2LMWP4D",
    "aws session id": "ASIA" + "Q3EGRZ7XN2LMWP4D",
    "google": "AIza" + "SyD4w8Kq2mZ7xV1bN5cT9rL3pF6hJ0gQeUy",
    "google oauth": "ya29" + ".a0AfH6SMBx3kq_Zp9LwT2mNvR7cYd",
    "stripe": "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "stripe restricted": "rk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "stripe webhook": "whsec" + "_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "supabase": "sbp" + "_" + _HEX40,
    "supabase secret": "sb_" + "secret_" + "Zk3vT9qLw8RbN2xYc5HdJ7_mPf1sGa",
    "npm": "npm" + "_" + _A36,
    "pypi": "pypi" + "-AgEIcHlwaS5vcmcCJDk4ZjM2NzYxLWE0YmMtNGQ5Zi1iNTk2LTFhMmIzYzRkNWU2ZgACKlszLCJ",
    "huggingface": "hf" + "_" + "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" + ".eyJ"
    + "yb2xlIjoic2VydmljZV9yb2xlIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "tracer": "ctd" + "_" + "Zk3vT9qLw8RbN2xYc5HdJ7mPf1sGaE4uVi6oKt0XyQz",
    "email": "jane.doe+x@mail.corp-example.co.uk",
}  # fmt: skip

HARMLESS = [
    "550e8400-e29b-41d4-a716-446655440000",
    "commit 3f2a9c1b5d7e8f60718293a4b5c6d7e8f9012345",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "index 83db48f..bf2a9c1 100644",
    "msg_01ULXys3gGhaWYnmCqrsEm3J toolu_01LryGBs3bXavnWPiD2wbcsk req_011CSHoEeqs5C35K2UUqR7Fy",
    "api_key = os.environ['API_KEY']",
    'apiKey: process.env.OPENAI_API_KEY, token: "$TOKEN"',
    "export TOKEN=${GITHUB_TOKEN:?} PASSWORD=$(pass show db)",
    "Authorization: Bearer <TOKEN>",
    "-H 'Authorization: Bearer $TOKEN'",
    "set your key: sk-ant-... or sk-ant-api03-your-key-here",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "AKIAIOSFODNN7EXAMPLE",
    'password = "changeme-please"',
    "password: string; token: number; secretName?: string",
    "const passwordInputFieldPlaceholderTextColor = theme.colors.primary500",
    "getAccessTokenSilentlyWithRetryAndBackoff(secretProviderClassName)",
    'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased-v2")',
    "max_tokens=4096, token_count: 123456789012",
    "postgres://app:${DB_PASSWORD}@db:5432/app",
    "https://user:<password>@host/ and http://localhost:8080/@scope/pkg@1.2.3",
    "git@github.com:owner/repo.git react@18.2.0 icon@2x.png @types/node",
    "user@example.com admin@localhost",
    "/home/u/proj/src/secrets/token_store_v2/index.ts",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOC\n-----END PUBLIC KEY-----",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "[REDACTED:github_token] password=[REDACTED:password]",
]
