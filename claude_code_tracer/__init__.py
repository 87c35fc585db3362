"""Collect transcripts of AI coding tools, mask secrets, and keep them in Supabase Postgres."""

__all__ = ["__version__"]

__version__ = "0.1.0"
