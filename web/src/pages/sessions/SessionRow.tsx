import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { AgentIcon } from "../../components/icons";
import { ActivityDot, MaskedBadge, Money, TimeAgo } from "../../components/Parts";
import { useNow } from "../../lib/clock";
import {
  activityOf,
  formatCount,
  formatTokens,
  plural,
  shortModel,
  sourceLabel,
  sumKnown,
} from "../../lib/format";
import type { Session } from "../../lib/model";

type Props = { session: Session; index: number };

export const SessionRow = memo(function SessionRow({ session, index }: Props) {
  const agents = session.agent_count ?? 0;
  return (
    <div
      className="row"
      role="row"
      aria-rowindex={index + 2}
      data-testid="session-row"
      data-session-id={session.id}
    >
      <div role="cell" className="cell-main">
        <ActivityDot activity={activityOf(session.ended_at, useNow())} />
        <div className="cell-text">
          <div className="row-title">
            <Link
              to="/sessions/$id"
              params={{ id: session.id }}
              className={session.title ? "row-link clip" : "row-link clip mono"}
              dir="auto"
            >
              {session.title || session.native_id}
            </Link>
            {session.relation === "fork" && <span className="badge">fork</span>}
            {agents > 0 && (
              <span className="badge" title={plural(agents, "subagent")} data-testid="agents">
                <AgentIcon />
                {agents}
                <span className="sr-only"> {agents === 1 ? "subagent" : "subagents"}</span>
              </span>
            )}
            <MaskedBadge count={session.masked_count} />
          </div>
          <Origin session={session} />
        </div>
      </div>
      <Activity session={session} />
      <Cell label="prompts">{formatCount(session.prompt_count)}</Cell>
      <Cell label="messages">{formatCount(session.message_count)}</Cell>
      <ToolCell session={session} />
      <LinesCell session={session} />
      <TokenCell session={session} />
      <div role="cell" className="cell-num cell-cost" data-label="">
        <Money usd={session.total_cost_usd} unpriced={session.total_unpriced_call_count} />
      </div>
    </div>
  );
});

function Origin({ session }: { session: Session }) {
  const models = session.models.map(shortModel).join(", ");
  return (
    <div className="row-origin clip">
      {session.project && (
        <b title={session.cwd ?? undefined} dir="auto">
          {session.project}
        </b>
      )}
      <span>{sourceLabel(session.source)}</span>
      {models && <span title={session.models.join(", ")}>{models}</span>}
    </div>
  );
}

function Activity({ session }: Omit<Props, "index">) {
  return (
    <div role="cell" className="cell-time">
      <span>
        <TimeAgo at={session.ended_at} />
      </span>
      <small>
        started <TimeAgo at={session.started_at} />
      </small>
    </div>
  );
}

function Cell({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div role="cell" className="cell-num" data-label={label}>
      {children}
    </div>
  );
}

function ToolCell({ session }: Omit<Props, "index">) {
  return (
    <Cell label="tool calls">
      {formatCount(session.tool_call_count)}
      {session.tool_error_count > 0 && (
        <small className="failed">{formatCount(session.tool_error_count)} failed</small>
      )}
    </Cell>
  );
}

function LinesCell({ session }: Omit<Props, "index">) {
  if (session.lines_added == null && session.lines_removed == null) {
    return (
      <Cell label="lines">
        <span className="none" title="No edits are known">
          –
        </span>
      </Cell>
    );
  }
  return (
    <Cell label="lines">
      <span className="added">+{formatCount(session.lines_added ?? 0)}</span>
      <small className="removed">−{formatCount(session.lines_removed ?? 0)}</small>
    </Cell>
  );
}

function TokenCell({ session }: Omit<Props, "index">) {
  const { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = session;
  const total = sumKnown(input_tokens, output_tokens, cache_read_tokens, cache_write_tokens);
  if (session.model_call_count === 0) {
    return (
      <Cell label="tokens">
        <span className="none" title="No model calls are known">
          –
        </span>
      </Cell>
    );
  }
  const parts = [
    `input ${formatTokens(input_tokens)}`,
    `output ${formatTokens(output_tokens)}`,
    `cache read ${formatTokens(cache_read_tokens)}`,
    `cache write ${formatTokens(cache_write_tokens)}`,
  ];
  return (
    <Cell label="tokens">
      <span title={`${parts.join(", ")}; without subagents`}>{formatTokens(total)}</span>
      <small>{formatTokens(output_tokens)} out</small>
    </Cell>
  );
}
