// One message on the trace: what was said or done, and in the margin when and for how much.
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { ChevronIcon, LinkIcon } from "../../components/icons";
import { MaskedBadge, Money } from "../../components/Parts";
import { formatClock, formatExact, formatTokens, plural, shortModel } from "../../lib/format";
import { maskedTotal, type Message, type Usage } from "../../lib/model";
import { firstLine } from "../../lib/text";
import { Blocks } from "./Blocks";
import { useOpen } from "./open-state";

export const messageHash = (id: string) => `m-${id}`;

const LABELS: Record<Message["kind"], string> = {
  prompt: "Prompt",
  answer: "Answer",
  injected: "Added by the tool",
  compaction: "Context compacted",
  notice: "Notice",
  unknown: "Unknown record",
};

type Props = { message: Message; isMarked: boolean; startsTurn: boolean };

export const MessageItem = memo(function MessageItem({ message, isMarked, startsTurn }: Props) {
  const isQuiet = message.kind !== "prompt" && message.kind !== "answer";
  const failed = message.tool_calls.some((call) => call.is_error);
  return (
    <article
      className={`message message-${message.kind}${isMarked ? " message-marked" : ""}`}
      id={messageHash(message.id)}
      aria-label={LABELS[message.kind]}
      data-testid="message"
      data-kind={message.kind}
    >
      <div className="trace" aria-hidden="true">
        <span className={failed ? "node node-failed" : "node"} />
      </div>
      <div className="message-body">
        {(message.kind === "prompt" || (startsTurn && !isQuiet)) && (
          <h3 className="message-label">
            {message.kind === "answer" && message.model
              ? shortModel(message.model)
              : LABELS[message.kind]}
          </h3>
        )}
        {isQuiet ? <Quiet message={message} /> : <Blocks message={message} />}
        <Flags message={message} />
      </div>
      <Margin message={message} />
    </article>
  );
});

/** What nobody typed and no model said: one grey line, opened on request. */
function Quiet({ message }: { message: Message }) {
  const [isOpen, toggle] = useOpen(message.id, false);
  const preview = firstLine(message.blocks.find((block) => block.text)?.text ?? "");
  return (
    <div className="quiet">
      <button type="button" className="quiet-head" aria-expanded={isOpen} onClick={toggle}>
        <ChevronIcon className="tool-chevron" />
        <span>{LABELS[message.kind]}</span>
        {!isOpen && (
          <span className="clip quiet-preview" dir="auto">
            {preview}
          </span>
        )}
      </button>
      {isOpen && <Blocks message={message} />}
    </div>
  );
}

function Flags({ message }: { message: Message }) {
  const masked = maskedTotal(message.masked, ...message.blocks.map((block) => block.masked));
  const flags = message.flags ?? [];
  if (masked === 0 && flags.length === 0 && !message.is_sidechain) return null;
  return (
    <div className="message-flags">
      {message.is_sidechain && <span className="badge">sidechain</span>}
      {flags.map((flag) => (
        <span key={flag} className={flag === "api_error" ? "badge badge-danger" : "badge"}>
          {flag.replaceAll("_", " ")}
        </span>
      ))}
      <MaskedBadge count={masked} />
    </div>
  );
}

function Margin({ message }: { message: Message }) {
  return (
    <aside className="margin num" aria-label="Time and cost">
      <span className="margin-time">
        {message.at ? (
          <time dateTime={message.at} title={formatExact(message.at)}>
            {formatClock(message.at)}
          </time>
        ) : (
          <span title="The transcript has no time for it">no time</span>
        )}
        <Link
          to="."
          hash={messageHash(message.id)}
          className="message-link"
          aria-label="Link to this message"
          title="Link to this message"
          replace
        >
          <LinkIcon />
        </Link>
      </span>
      {message.usage && <Spent usage={message.usage} />}
    </aside>
  );
}

function Spent({ usage }: { usage: Usage }) {
  const parts = [
    `input ${formatTokens(usage.input_tokens)}`,
    `output ${formatTokens(usage.output_tokens)}`,
    `cache read ${formatTokens(usage.cache_read_tokens)}`,
    `cache write ${formatTokens(usage.cache_write_tokens)}`,
  ];
  if (usage.unpriced_calls > 0)
    parts.push(
      plural(usage.unpriced_calls, "call without a known price", "calls without a known price"),
    );
  return (
    <span className="margin-spent" title={parts.join(", ")}>
      {formatTokens(usage.output_tokens)} out ·{" "}
      <Money usd={usage.cost_usd} unpriced={usage.unpriced_calls} isBrief />
    </span>
  );
}
