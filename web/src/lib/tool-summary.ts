// One line that says what a tool call is about.
import type { Json } from "./database.types";
import { firstLine } from "./text";

// The first of these that the input has says most about it.
const TELLING = [
  "command",
  "cmd",
  "file_path",
  "notebook_path",
  "pattern",
  "query",
  "url",
  "subject",
  "description",
  "skill",
  "path",
  "prompt",
  "message",
];
const MAX = 300;

export function toolSummary(name: string | null, input: Json, cwd: string | null): string {
  if (typeof input === "string") return shorten(firstLine(input));
  if (input === null || typeof input !== "object") return input === null ? "" : String(input);
  if (Array.isArray(input)) return shorten(JSON.stringify(input));
  const special = specialSummary(name, input, cwd);
  if (special !== null) return special;
  for (const key of TELLING) {
    const text = asLine(input[key]);
    if (text) return shorten(relativePath(text, cwd));
  }
  const first = Object.values(input).map(asLine).find(Boolean);
  return first
    ? shorten(relativePath(first, cwd))
    : Object.keys(input).length
      ? shorten(JSON.stringify(input))
      : "";
}

function specialSummary(
  name: string | null,
  input: Record<string, Json | undefined>,
  cwd: string | null,
) {
  if (name === "Task" || name === "Agent") {
    const kind = asLine(input.subagent_type);
    const about = asLine(input.description) ?? asLine(input.prompt);
    return shorten([kind, about].filter(Boolean).join(": "));
  }
  if (name === "TodoWrite" && Array.isArray(input.todos)) {
    const done = input.todos.filter(
      (todo) => (todo as { status?: unknown } | null)?.status === "completed",
    );
    return `${done.length} of ${input.todos.length} done`;
  }
  if (name === "Grep" || name === "Glob") {
    const where = asLine(input.path) ?? asLine(input.glob);
    const pattern = asLine(input.pattern) ?? "";
    return shorten(where ? `${pattern}  in ${relativePath(where, cwd)}` : pattern);
  }
  if (name === "TaskUpdate") {
    return shorten(
      [asLine(input.taskId), asLine(input.status), asLine(input.subject)]
        .filter(Boolean)
        .join(" · "),
    );
  }
  if (name === "AskUserQuestion" && Array.isArray(input.questions)) {
    const question = input.questions[0] as { question?: Json } | null;
    return shorten(asLine(question?.question) ?? "");
  }
  return null;
}

function asLine(value: Json | undefined): string | null {
  if (Array.isArray(value) && value.every((item) => typeof item === "string"))
    return firstLine(value.join(" "));
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() ? firstLine(value) : null;
}

/** A path below the session's folder without that folder. */
export function relativePath(path: string, cwd: string | null): string {
  const folder = cwd?.replace(/[/\\]+$/, "");
  return folder && (path.startsWith(`${folder}/`) || path.startsWith(`${folder}\\`))
    ? path.slice(folder.length + 1)
    : path;
}

function shorten(text: string): string {
  return text.length > MAX ? `${text.slice(0, MAX - 1)}…` : text;
}
