// The pieces of a message, in the order they were written.
import { ChevronIcon } from "../../components/icons";
import { Code, Markdown } from "../../components/Html";
import type { Block, Message } from "../../lib/model";
import { firstLine } from "../../lib/text";
import { Folded } from "./Folded";
import { useOpen } from "./open-state";
import { ToolCard } from "./ToolCard";

export function Blocks({ message }: { message: Message }) {
  const calls = new Map(message.tool_calls.map((call) => [call.id, call]));
  const placed = new Set(message.blocks.map((block) => block.tool_call_id));
  const unplaced = message.tool_calls.filter((call) => !placed.has(call.id));
  return (
    <>
      {message.blocks.map((block) => {
        const call = block.tool_call_id ? calls.get(block.tool_call_id) : undefined;
        if (block.kind !== "tool_call")
          return <BlockView key={block.id} block={block} message={message} />;
        return call ? (
          <ToolCard key={block.id} call={call} />
        ) : (
          <Hidden key={block.id} what="Tool call" />
        );
      })}
      {unplaced.map((call) => (
        <ToolCard key={call.id} call={call} />
      ))}
      {message.blocks.length === 0 && unplaced.length === 0 && <Hidden what="Content" />}
    </>
  );
}

/** The capture tier of the device, or the visibility of the session, leaves this out. */
function Hidden({ what }: { what: string }) {
  return <p className="hidden-content">{what} is not recorded or not shared</p>;
}

function BlockView({ block, message }: { block: Block; message: Message }) {
  const text = block.text ?? "";
  switch (block.kind) {
    case "thinking":
      return <Thinking block={block} />;
    case "image":
    case "document":
      return <Attachment block={block} />;
    case "text":
      return message.kind === "answer" || message.kind === "compaction" ? (
        <Markdown text={text} />
      ) : (
        <Folded id={block.id} text={text} lines={24}>
          {(shown) => (
            <div className="plain" dir="auto">
              {shown}
            </div>
          )}
        </Folded>
      );
    default:
      return <Raw block={block} />;
  }
}

function Thinking({ block }: { block: Block }) {
  const [isOpen, toggle] = useOpen(block.id, false);
  const text = block.text?.trim() ?? "";
  if (!text) return <p className="hidden-content">Thinking, not recorded in the transcript</p>;
  return (
    <div className="thinking" data-testid="thinking">
      <button type="button" className="quiet-head" aria-expanded={isOpen} onClick={toggle}>
        <ChevronIcon className="tool-chevron" />
        <span>Thinking</span>
        {!isOpen && <span className="clip quiet-preview">{firstLine(text)}</span>}
      </button>
      {isOpen && <Markdown text={text} />}
    </div>
  );
}

function Attachment({ block }: { block: Block }) {
  const facts = block.data && typeof block.data === "object" ? Object.entries(block.data) : [];
  const about = facts
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key} ${String(value)}`);
  return (
    <p className="attachment">
      <span className="badge">{block.kind}</span> {about.join(" · ") || block.text}
    </p>
  );
}

function Raw({ block }: { block: Block }) {
  const text = block.data === null ? (block.text ?? "") : JSON.stringify(block.data, null, 2);
  return (
    <Folded id={block.id} text={text} lines={8}>
      {(shown) => <Code text={shown} language="json" />}
    </Folded>
  );
}
