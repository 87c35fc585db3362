// One tool call: a line that says what it did, and on request what went in and came out.
import { Link } from "@tanstack/react-router";
import { useContext } from "react";
import { AgentIcon, ChevronIcon } from "../../components/icons";
import { MaskedBadge } from "../../components/Parts";
import { type DiffRow, diffRows, requestedRows } from "../../lib/diff";
import { elapsed, formatCount, formatDuration } from "../../lib/format";
import { isUnfinished, maskedTotal, type ToolCall } from "../../lib/model";
import { toolSummary } from "../../lib/tool-summary";
import { DiffView } from "./DiffView";
import { Folded } from "./Folded";
import { useOpen } from "./open-state";
import { SessionFacts } from "./session-facts";
import { ToolInput } from "./ToolInput";

type Status = "running" | "ok" | "failed" | "open";
const STATUS_TEXT: Record<Status, string> = {
  running: "Running",
  ok: "Succeeded",
  failed: "Failed",
  open: "No result was recorded",
};

export function ToolCard({ call }: { call: ToolCall }) {
  const { cwd, isLive } = useContext(SessionFacts);
  const rows = rowsOf(call);
  const status = statusOf(call, isLive);
  const [isOpen, toggle] = useOpen(call.id, rows.length > 0 || status === "failed");
  const took = elapsed(call.started_at, call.ended_at);
  const name = call.name ?? "Unknown tool";
  return (
    <section
      className={`tool tool-${status}`}
      aria-label={`Tool call ${name}`}
      data-testid="tool-call"
      data-status={status}
    >
      <button type="button" className="tool-head" aria-expanded={isOpen} onClick={toggle}>
        <ChevronIcon className="tool-chevron" />
        <span
          className="tool-status"
          role="img"
          aria-label={STATUS_TEXT[status]}
          title={STATUS_TEXT[status]}
        />
        <span className="tool-name">{displayName(name)}</span>
        <span className="tool-summary clip" dir="auto" title={call.file_path ?? undefined}>
          {toolSummary(call.name, call.input, cwd)}
        </span>
        <Lines call={call} />
        <MaskedBadge count={maskedTotal(call.masked)} rules={rulesText(call.masked)} />
        <span className="tool-time num">
          {took === null ? STATUS_TIME[status] : formatDuration(took)}
        </span>
      </button>
      {call.agent_session_id && (
        <Link
          to="/sessions/$id"
          params={{ id: call.agent_session_id }}
          className="tool-agent"
          data-testid="agent-link"
        >
          <AgentIcon /> Replay of the subagent
        </Link>
      )}
      {isOpen && (
        <div className="tool-body">
          <ToolInput call={call} hasDiff={rows.length > 0} />
          {rows.length > 0 && <DiffView id={call.id} rows={rows} />}
          {call.result !== null && (rows.length === 0 || status === "failed") && (
            <Result call={call} />
          )}
        </div>
      )}
    </section>
  );
}

const STATUS_TIME: Record<Status, string> = {
  running: "running",
  open: "no result",
  ok: "",
  failed: "",
};

function statusOf(call: ToolCall, isLive: boolean): Status {
  if (isUnfinished(call)) return isLive ? "running" : "open";
  return call.is_error ? "failed" : "ok";
}

const EDITS = new Set(["Edit", "MultiEdit", "Write", "NotebookEdit"]);

function rowsOf(call: ToolCall): DiffRow[] {
  const rows = diffRows(call.diff);
  return rows.length === 0 && EDITS.has(call.name ?? "") ? requestedRows(call.input) : rows;
}

/** "mcp__github__get_issue" as "github: get_issue". */
function displayName(name: string): string {
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? [];
  return server && tool ? `${server}: ${tool}` : name;
}

function rulesText(masked: ToolCall["masked"]): string {
  return `Masked: ${Object.entries(masked ?? {})
    .map(([rule, count]) => `${rule} ×${count}`)
    .join(", ")}`;
}

function Lines({ call }: { call: ToolCall }) {
  return (
    <span className="tool-lines num">
      {call.lines_added ? <span className="added">+{formatCount(call.lines_added)}</span> : null}{" "}
      {call.lines_removed ? (
        <span className="removed">−{formatCount(call.lines_removed)}</span>
      ) : null}
    </span>
  );
}

function Result({ call }: { call: ToolCall }) {
  return (
    <div className="tool-result">
      <h4>{call.is_error ? "Error" : "Result"}</h4>
      {call.result === "" ? (
        <p className="none">(empty)</p>
      ) : (
        <Folded id={`${call.id}:result`} text={call.result ?? ""}>
          {(text) => (
            <pre className="code" dir="auto">
              {text}
            </pre>
          )}
        </Folded>
      )}
    </div>
  );
}
