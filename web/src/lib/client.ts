// The only file that knows the Supabase client library.
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { backoffMs } from "./backoff";
import type { Config } from "./config";
import type { Database } from "./database.types";

export type { AuthError, RealtimeChannel } from "@supabase/supabase-js";
export { isAuthRetryableFetchError } from "@supabase/supabase-js";

export type Client = SupabaseClient<Database, "api">;
export const STORAGE_KEY = "claude-tracer.session";

export function makeClient(config: Config): Client {
  return createClient<Database, "api">(config.url, config.publishableKey, {
    // Retries are decided in one place: queries.ts.
    db: { schema: "api", retry: false },
    // Sign-in links are read by auth.ts, which also removes them from the address bar.
    auth: { storageKey: STORAGE_KEY, detectSessionInUrl: false },
    realtime: { reconnectAfterMs: backoffMs },
  });
}
