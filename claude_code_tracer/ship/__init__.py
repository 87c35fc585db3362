"""From the outbox to the ingest function: one table decides retry, split, park or halt."""
