// Small parts that several pages share.
import { useNow } from "../lib/clock";
import { describeError } from "../lib/errors";
import {
  type Activity,
  describeCost,
  formatAgo,
  formatExact,
  plural,
  UNKNOWN,
} from "../lib/format";
import { ShieldIcon } from "./icons";

export function TimeAgo({ at, missing = UNKNOWN }: { at: string | null; missing?: string }) {
  const now = useNow();
  if (!at) return <span>{missing}</span>;
  return (
    <time dateTime={at} title={formatExact(at)}>
      {formatAgo(at, now)}
    </time>
  );
}

type MoneyProps = { usd: number | null; unpriced: number | null; isBrief?: boolean };

/** A cost to the cent; brief: how many calls are unpriced only on hover. */
export function Money({ usd, unpriced, isBrief = false }: MoneyProps) {
  const { text, note } = describeCost(usd, unpriced);
  const exact =
    [usd == null ? null : `$${usd.toFixed(6)}`, note].filter(Boolean).join(" ") || undefined;
  return (
    <span className="num" data-testid="cost">
      <span className={text === UNKNOWN ? "money-unknown" : undefined} title={exact}>
        {text}
      </span>
      {note && !isBrief && <span className="money-note"> {note}</span>}
    </span>
  );
}

const ACTIVITY_TEXT: Record<Activity, string> = {
  running: "Running",
  idle: "Idle for less than five minutes",
  ended: "Ended",
};

export function ActivityDot({ activity }: { activity: Activity }) {
  return (
    <span
      className={`pulse pulse-${activity}`}
      role="img"
      aria-label={ACTIVITY_TEXT[activity]}
      title={ACTIVITY_TEXT[activity]}
      data-testid="activity"
      data-activity={activity}
    />
  );
}

export function MaskedBadge({ count, rules }: { count: number; rules?: string }) {
  if (count === 0) return null;
  return (
    <span
      className="badge badge-warn"
      data-testid="masked"
      title={rules ?? `${plural(count, "secret")} masked before storing`}
    >
      <ShieldIcon />
      {count} masked
    </span>
  );
}

export function ErrorPanel({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { title, detail } = describeError(error);
  return (
    <div className="panel" role="alert" data-testid="error">
      <h2>{title}</h2>
      <p>{detail}</p>
      <button type="button" className="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

/** Said above content that is still shown although it could not be brought up to date. */
export function ErrorBanner({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { title } = describeError(error);
  return (
    <div className="banner" role="alert" data-testid="error-banner">
      <span>{title}. What you see may be out of date.</span>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

export function Splash({ children }: { children: string }) {
  return (
    <div className="splash" role="status">
      {children}
    </div>
  );
}
