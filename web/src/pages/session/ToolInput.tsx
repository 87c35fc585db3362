// The arguments of a tool call, each in the form that reads best.
import { Code } from "../../components/Html";
import type { Json } from "../../lib/database.types";
import type { ToolCall } from "../../lib/model";
import { Folded } from "./Folded";

// The diff, and the line above it, show these.
const IN_DIFF = new Set(
  "file_path notebook_path old_string new_string content edits new_source replace_all".split(" "),
);
const SHELL = new Set(["command", "cmd"]);

export function ToolInput({ call, hasDiff }: { call: ToolCall; hasDiff: boolean }) {
  const { input } = call;
  if (input === null || (hasDiff && typeof input === "string")) return null; // a patch as text
  if (typeof input !== "object" || Array.isArray(input)) {
    return <Value id={`${call.id}:input`} name="input" value={input} />;
  }
  const entries = Object.entries(input).filter(
    ([key, value]) => value !== undefined && !(hasDiff && IN_DIFF.has(key)),
  );
  if (entries.length === 0) return null;
  return (
    <dl className="tool-input">
      {entries.map(([key, value]) => (
        <div key={key} className={isBlock(value) ? "argument argument-block" : "argument"}>
          <dt>{key}</dt>
          <dd>
            <Value id={`${call.id}:${key}`} name={key} value={value as Json} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function isBlock(value: Json | undefined): boolean {
  return typeof value === "string"
    ? value.includes("\n") || value.length > 160
    : typeof value === "object" && value !== null;
}

function Value({ id, name, value }: { id: string; name: string; value: Json }) {
  const isText = typeof value === "string";
  if (!isText && !isBlock(value)) return <code dir="auto">{String(value)}</code>;
  const text = isText ? value : JSON.stringify(value, null, 2);
  const language = SHELL.has(name) ? "bash" : isText ? "" : "json";
  if (isText && !isBlock(value) && !language) return <code dir="auto">{text}</code>;
  return (
    <Folded id={id} text={text}>
      {(shown) => <Code text={shown} language={language} />}
    </Folded>
  );
}
