// Everything known about the session, beside the replay (or over it where there is no room).
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CloseIcon } from "../../components/icons";
import { Money, TimeAgo } from "../../components/Parts";
import {
  elapsed,
  formatCount,
  formatDuration,
  formatExact,
  formatTokens,
  plural,
} from "../../lib/format";
import type { Session } from "../../lib/model";

type Props = { session: Session; related: Session[]; isOpen: boolean; onClose: () => void };

export function Facts({ session, related, isOpen, onClose }: Props) {
  const agents = related.filter((child) => child.relation === "subagent");
  const forks = related.filter((child) => child.relation === "fork");
  return (
    <aside
      id="facts"
      className={isOpen ? "facts facts-open" : "facts"}
      aria-label="Details of the session"
    >
      <button
        type="button"
        className="icon-button facts-close"
        aria-label="Close details"
        onClick={onClose}
      >
        <CloseIcon />
      </button>
      <Group title="Cost">
        <Fact name="In total">
          <Money usd={session.total_cost_usd} unpriced={session.total_unpriced_call_count} />
        </Fact>
        {agents.length > 0 && (
          <Fact name="Without subagents">
            <Money usd={session.cost_usd} unpriced={session.unpriced_call_count} />
          </Fact>
        )}
        <Fact name="Model calls">{formatCount(session.model_call_count)}</Fact>
      </Group>
      {agents.length > 0 && <Related title={plural(agents.length, "subagent")} sessions={agents} />}
      {forks.length > 0 && <Related title={plural(forks.length, "fork")} sessions={forks} />}
      <Tokens session={session} hasAgents={agents.length > 0} />
      <Work session={session} />
      <Times session={session} />
      <Place session={session} />
    </aside>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="facts-group">
      <h2>{title}</h2>
      <dl>{children}</dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd className="num">{children}</dd>
    </div>
  );
}

function Related({ title, sessions }: { title: string; sessions: Session[] }) {
  return (
    <section className="facts-group" data-testid="related">
      <h2>{title}</h2>
      <ul className="related">
        {sessions.map((child) => (
          <li key={child.id}>
            <Link to="/sessions/$id" params={{ id: child.id }} className="clip" dir="auto">
              {child.agent_type && <b>{child.agent_type} </b>}
              {child.title || child.agent_id || child.native_id}
            </Link>
            <Money usd={child.cost_usd} unpriced={child.unpriced_call_count} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tokens({ session, hasAgents }: { session: Session; hasAgents: boolean }) {
  if (session.model_call_count === 0) return null;
  return (
    <Group title={hasAgents ? "Tokens, without subagents" : "Tokens"}>
      <Fact name="Input">{formatTokens(session.input_tokens)}</Fact>
      <Fact name="Output">{formatTokens(session.output_tokens)}</Fact>
      <Fact name="Cache read">{formatTokens(session.cache_read_tokens)}</Fact>
      <Fact name="Cache write">{formatTokens(session.cache_write_tokens)}</Fact>
    </Group>
  );
}

function Work({ session }: { session: Session }) {
  const hasLines = session.lines_added != null || session.lines_removed != null;
  return (
    <Group title="Work">
      <Fact name="Prompts">{formatCount(session.prompt_count)}</Fact>
      <Fact name="Messages">{formatCount(session.message_count)}</Fact>
      <Fact name="Tool calls">
        {formatCount(session.tool_call_count)}
        {session.tool_error_count > 0 && (
          <span className="removed"> ({formatCount(session.tool_error_count)} failed)</span>
        )}
      </Fact>
      {hasLines && (
        <Fact name="Lines">
          <span className="added">+{formatCount(session.lines_added ?? 0)}</span>{" "}
          <span className="removed">−{formatCount(session.lines_removed ?? 0)}</span>
        </Fact>
      )}
      <Fact name="Secrets masked">{formatCount(session.masked_count)}</Fact>
    </Group>
  );
}

function Times({ session }: { session: Session }) {
  const duration = elapsed(session.started_at, session.ended_at);
  return (
    <Group title="Time">
      <Fact name="Started">{session.started_at ? formatExact(session.started_at) : "unknown"}</Fact>
      <Fact name="Last activity">
        <TimeAgo at={session.ended_at} />
      </Fact>
      {duration !== null && <Fact name="Duration">{formatDuration(duration)}</Fact>}
    </Group>
  );
}

function Place({ session }: { session: Session }) {
  const facts: [string, string | null][] = [
    ["Project", session.project],
    ["Folder", session.cwd],
    ["Branch", session.branch],
    ["Models", session.models.join(", ") || null],
    ["Tool version", session.tool_version],
    ["Started from", session.entrypoint],
    ["Visibility", session.visibility],
    ["Transcript", session.path],
    ["Session", session.native_id],
  ];
  return (
    <section className="facts-group">
      <h2>Origin</h2>
      <dl className="facts-long">
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name} className="fact">
                <dt>{name}</dt>
                <dd dir="auto">{value}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}
