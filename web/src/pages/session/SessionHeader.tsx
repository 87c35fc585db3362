import { Link } from "@tanstack/react-router";
import { ArrowLeftIcon, BranchIcon, InfoIcon } from "../../components/icons";
import { ActivityDot, MaskedBadge, Money, TimeAgo } from "../../components/Parts";
import { type Activity, elapsed, formatDuration, shortModel, sourceLabel } from "../../lib/format";
import type { Session } from "../../lib/model";
import { useSession } from "../../lib/queries";

type Props = { session: Session; activity: Activity; showsFacts: boolean; onFacts: () => void };

export function SessionHeader({ session, activity, showsFacts, onFacts }: Props) {
  const duration = elapsed(session.started_at, session.ended_at);
  return (
    <header className="session-header">
      <Link to="/" className="icon-button" aria-label="All sessions" title="All sessions">
        <ArrowLeftIcon />
      </Link>
      <div className="session-heading">
        {session.parent_id && <ParentLink id={session.parent_id} relation={session.relation} />}
        <h1 dir="auto" title={session.title ?? undefined}>
          {session.title || <span className="mono">{session.native_id}</span>}
        </h1>
        <div className="session-line">
          <span className="session-activity">
            <ActivityDot activity={activity} />
            {activity === "ended" ? <TimeAgo at={session.ended_at} /> : activity}
          </span>
          {session.project && <b dir="auto">{session.project}</b>}
          {session.branch && (
            <span className="session-branch" dir="auto">
              <BranchIcon />
              {session.branch}
            </span>
          )}
          <span>{sourceLabel(session.source)}</span>
          {session.models.length > 0 && <span>{session.models.map(shortModel).join(", ")}</span>}
          {duration !== null && <span>{formatDuration(duration)}</span>}
          <Money usd={session.total_cost_usd} unpriced={session.total_unpriced_call_count} />
          <MaskedBadge count={session.masked_count} />
        </div>
      </div>
      <button
        type="button"
        className="button facts-button"
        aria-expanded={showsFacts}
        aria-controls="facts"
        onClick={onFacts}
      >
        <InfoIcon /> Details
      </button>
    </header>
  );
}

function ParentLink({ id, relation }: { id: string; relation: string | null }) {
  const { data: parent } = useSession(id);
  return (
    <p className="session-parent">
      {relation === "fork" ? "Fork of " : "Subagent of "}
      <Link to="/sessions/$id" params={{ id }} data-testid="parent-link">
        {parent?.title || parent?.native_id || "its parent session"}
      </Link>
    </p>
  );
}
