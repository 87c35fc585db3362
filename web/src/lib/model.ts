// The shapes the dashboard works with. Rows come from the generated types; what `get_replay`
// returns is JSON, so its shape is written here.
import type { Database, Json } from "./database.types";

type Views = Database["api"]["Views"];
export type Session = Views["sessions"]["Row"];
export type Workspace = Views["workspaces"]["Row"];
export type Project = Pick<Views["projects"]["Row"], "id" | "name" | "root">;
export type UsageRow = {
  day: string | null;
  calls: number;
  unpriced_calls: number;
  cost_usd: number | null;
};

export type MaskedCounts = Record<string, number> | null;

export type Block = {
  id: string;
  kind: "text" | "thinking" | "tool_call" | "image" | "document" | "unknown";
  text: string | null;
  data: Json;
  tool_call_id: string | null;
  masked: MaskedCounts;
};

export type ToolCall = {
  id: string;
  message_id: string | null;
  position: number | null;
  name: string | null;
  input: Json;
  result: string | null;
  is_error: boolean | null;
  started_at: string | null;
  ended_at: string | null;
  file_path: string | null;
  diff: Json;
  lines_added: number | null;
  lines_removed: number | null;
  agent_session_id: string | null;
  masked: MaskedCounts;
};

export type Usage = {
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_tokens: number | null;
  cost_usd: number | null;
  unpriced_calls: number;
};

export type Message = {
  id: string;
  position: number;
  role: "user" | "assistant" | "system";
  kind: "prompt" | "answer" | "injected" | "compaction" | "notice" | "unknown";
  at: string | null;
  model: string | null;
  is_sidechain: boolean | null;
  flags: string[] | null;
  masked: MaskedCounts;
  blocks: Block[];
  tool_calls: ToolCall[];
  usage: Usage | null;
};

export function maskedTotal(...counts: MaskedCounts[]): number {
  let total = 0;
  for (const count of counts) for (const value of Object.values(count ?? {})) total += value;
  return total;
}

/** A call is unfinished until anything about its end is known. */
export function isUnfinished(call: ToolCall): boolean {
  return call.result === null && call.is_error === null && call.ended_at === null;
}
