"""The embedded Supabase: PostgreSQL from a wheel behind our own gateway."""
