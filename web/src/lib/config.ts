// Where the server is: asked once, from the origin that served this page.
import { ApiError } from "./errors";

export type Config = { url: string; publishableKey: string; local: boolean };

export async function loadConfig(): Promise<Config> {
  let response: Response;
  try {
    response = await fetch("/config.json", { cache: "no-store" });
  } catch {
    throw new ApiError("The server did not answer", 0);
  }
  if (!response.ok) throw new ApiError("config.json could not be read", response.status);
  return parseConfig(await response.json(), location.origin);
}

/**
 * The local server is the one that served this page. Its own origin is used rather than the address
 * it names, so that `localhost` and `127.0.0.1` both work under the page's security policy.
 */
export function parseConfig(value: unknown, origin: string): Config {
  const { url, publishableKey, local } = (value ?? {}) as Record<string, unknown>;
  if (typeof url !== "string" || typeof publishableKey !== "string") {
    throw new ApiError(
      "config.json is not what the dashboard expects",
      200,
      "Update claude-tracer.",
    );
  }
  return { url: local === true ? origin : url, publishableKey, local: local === true };
}

/** Whether anything answers at the server's address. */
export async function isAnswering({ url, publishableKey }: Config): Promise<boolean> {
  try {
    const response = await fetch(`${url}/auth/v1/health`, { headers: { apikey: publishableKey } });
    return response.status < 500;
  } catch {
    return false;
  }
}
