// What the list adds up to: how many sessions, and what the last seven days cost.
import { Money } from "../../components/Parts";
import type { SessionFilter } from "../../lib/api";
import { useNow } from "../../lib/clock";
import { describeCost, formatCount, sumKnown } from "../../lib/format";
import { USAGE_DAYS, useSessionCount, useUsage } from "../../lib/queries";
import { type Day, lastDays, usageByDay } from "./usage";

const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", timeZone: "UTC" });

export function Totals({ filter }: { filter: SessionFilter }) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const dates = lastDays(USAGE_DAYS, useNow(), timeZone);
  const count = useSessionCount(filter);
  const usage = useUsage(filter, dates[0] ?? "", timeZone);
  const days = usageByDay(usage.data ?? [], dates);
  const usd = sumKnown(...days.map((day) => day.usd));
  const unpriced = days.reduce((sum, day) => sum + day.unpriced, 0);
  const today = days.at(-1);

  return (
    <div className="totals">
      <Figure label="Sessions">
        <span className="num" data-testid="session-count">
          {count.data === undefined ? "…" : formatCount(count.data)}
        </span>
      </Figure>
      <Figure label={filter.text ? "Cost, last 7 days, any title" : "Cost, last 7 days"}>
        {usage.data ? <Money usd={usd} unpriced={unpriced} /> : "…"}
      </Figure>
      <Figure label="Today">
        {usage.data && today ? <Money usd={today.usd} unpriced={today.unpriced} /> : "…"}
      </Figure>
      <CostBars days={days} />
    </div>
  );
}

function Figure({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className="figure">
      <div className="figure-value">{children}</div>
      <div className="figure-label">{label}</div>
    </div>
  );
}

function CostBars({ days }: { days: Day[] }) {
  const most = Math.max(0.01, ...days.map((day) => day.usd ?? 0));
  return (
    <ul className="bars" aria-label="Cost per day" data-testid="cost-bars">
      {days.map(({ day, usd, unpriced }) => {
        const cost = describeCost(usd, unpriced);
        const text = `${day}: ${[cost.text, cost.note].filter(Boolean).join(", ")}`;
        return (
          <li key={day} className="bar" title={text}>
            <span className="sr-only">{text}</span>
            <span className="bar-track" aria-hidden="true">
              <span
                className={barClass(usd, unpriced)}
                style={{ height: `${Math.round(((usd ?? 0) / most) * 100)}%` }}
              />
            </span>
            <span className="bar-day" aria-hidden="true">
              {WEEKDAY.format(new Date(`${day}T00:00:00Z`))}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function barClass(usd: number | null, unpriced: number): string {
  if (unpriced > 0) return "bar-fill bar-partial";
  return usd === null ? "bar-fill bar-none" : "bar-fill";
}
