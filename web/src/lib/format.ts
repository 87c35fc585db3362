// Numbers and times as people read them. Null is "unknown" and never becomes 0.

const COUNT = new Intl.NumberFormat("en-US");
const USD = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DAY_YEAR = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY_MS = 24 * HOUR;

export const UNKNOWN = "unknown";

export function formatCount(value: number): string {
  return COUNT.format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}

/** "1,234", "12.3k", "4.56M": three digits are enough to compare. */
export function formatTokens(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  if (value < 1000) return COUNT.format(value);
  const [scaled, unit] =
    value < 999_500
      ? [value / 1e3, "k"]
      : value < 999_500_000
        ? [value / 1e6, "M"]
        : [value / 1e9, "B"];
  return `${scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0)}${unit}`;
}

/** The sum of what is known; null when nothing is. */
export function sumKnown(...values: (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value != null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

export function formatUsd(value: number): string {
  return value > 0 && value < 0.005 ? "<$0.01" : USD.format(value);
}

export type Cost = { text: string; note: string | null };

/** What to show for a cost: the priced part, and how many calls have no known price. */
export function describeCost(usd: number | null, unpriced: number | null): Cost {
  const missing = unpriced ?? 0;
  if (usd == null) {
    return missing > 0
      ? { text: UNKNOWN, note: plural(missing, "unpriced call") }
      : { text: "–", note: null };
  }
  return { text: formatUsd(usd), note: missing > 0 ? `+ ${formatCount(missing)} unpriced` : null };
}

export function formatDuration(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return pair(ms, MINUTE, "min", SECOND, "s");
  if (ms < DAY_MS) return pair(ms, HOUR, "h", MINUTE, "min");
  return pair(ms, DAY_MS, "d", HOUR, "h");
}

function pair(ms: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((ms % big) / small);
  const head = `${Math.floor(ms / big)} ${bigUnit}`;
  return rest === 0 ? head : `${head} ${rest} ${smallUnit}`;
}

/** Milliseconds between two times, or null when one is unknown. */
export function elapsed(from: string | null, to: string | null): number | null {
  return from && to ? Math.max(0, Date.parse(to) - Date.parse(from)) : null;
}

export function formatAgo(iso: string, now: number): string {
  const age = now - Date.parse(iso);
  if (age < 10 * SECOND) return "just now";
  if (age < MINUTE) return `${Math.floor(age / SECOND)} s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < DAY_MS) return `${Math.floor(age / HOUR)} h ago`;
  if (age < 7 * DAY_MS) return `${Math.floor(age / DAY_MS)} d ago`;
  const date = new Date(iso);
  const sameYear = date.getUTCFullYear() === new Date(now).getUTCFullYear();
  return (sameYear ? DAY : DAY_YEAR).format(date);
}

export function formatExact(iso: string): string {
  return EXACT.format(new Date(iso));
}

export function formatClock(iso: string): string {
  return CLOCK.format(new Date(iso));
}

export type Activity = "running" | "idle" | "ended";

/** How alive a session is by its newest message; a clock far ahead of ours proves nothing. */
export function activityOf(lastAt: string | null, now: number): Activity {
  if (!lastAt) return "ended";
  const age = now - Date.parse(lastAt);
  if (age < -5 * MINUTE || age >= 5 * MINUTE) return "ended";
  return age < MINUTE ? "running" : "idle";
}

const SOURCES: Record<string, string> = {
  amp: "Amp",
  claude_code: "Claude Code",
  cline: "Cline",
  codex: "Codex CLI",
  copilot: "GitHub Copilot CLI",
  cursor: "Cursor",
  droid: "Droid",
  gemini: "Gemini CLI",
  goose: "Goose",
  kimi: "Kimi CLI",
  opencode: "OpenCode",
  pi: "pi",
  qwen: "Qwen Code",
  roo: "Roo Code",
};

export function sourceLabel(source: string): string {
  return SOURCES[source] ?? source.replace(/_/g, " ").replace(/^./, (c) => c.toUpperCase());
}

/** Models without the date that only matters to price them: "claude-opus-4-6". */
export function shortModel(model: string): string {
  return model.replace(/-20\d{6}$/, "");
}
