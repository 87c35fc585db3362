// Adds up daily usage. Days are the viewer's: the server sums them in any time zone.
import { sumKnown } from "../../lib/format";
import type { UsageRow } from "../../lib/model";

export type Day = { day: string; usd: number | null; unpriced: number };

/** The last `count` days of `timezone` up to `now`, oldest first, as YYYY-MM-DD. */
export function lastDays(count: number, now: number, timezone: string): string[] {
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" });
  const today = Date.parse(`${date.format(now)}T00:00:00Z`);
  return Array.from({ length: count }, (_, i) =>
    new Date(today - (count - 1 - i) * 86_400_000).toISOString().slice(0, 10),
  );
}

export function usageByDay(rows: readonly UsageRow[], days: readonly string[]): Day[] {
  const byDay = new Map(days.map((day): [string, Day] => [day, { day, usd: null, unpriced: 0 }]));
  for (const row of rows) {
    const day = row.day === null ? undefined : byDay.get(row.day);
    if (!day) continue;
    day.usd = sumKnown(day.usd, row.cost_usd);
    day.unpriced += row.unpriced_calls;
  }
  return [...byDay.values()];
}
