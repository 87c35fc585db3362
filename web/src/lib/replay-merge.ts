// Pages of a replay become one list. Pure: what was fetched later wins, nothing disappears, and a
// message that did not change keeps its identity so that it is not drawn again.
import { isUnfinished, type Message, type ToolCall } from "./model";

const TAIL = 30;
/** Unfinished calls further back than the tail that are looked up by id. */
const MAX_PENDING = 50;

export function mergeMessages(known: readonly Message[], fetched: readonly Message[]): Message[] {
  const byId = new Map(known.map((message) => [message.id, message]));
  let changed = false;
  for (const message of fetched) {
    const before = byId.get(message.id);
    if (before && isSame(before, message)) continue;
    byId.set(message.id, message);
    changed = true;
  }
  return changed ? [...byId.values()].sort(byPosition) : (known as Message[]);
}

/** Put newer versions of tool calls into the messages that made them. */
export function mergeToolCalls(known: readonly Message[], fetched: readonly ToolCall[]): Message[] {
  const byId = new Map(fetched.map((call) => [call.id, call]));
  return known.map((message) => {
    if (!message.tool_calls.some((call) => byId.has(call.id))) return message;
    const tool_calls = message.tool_calls.map((call) => {
      const newer = byId.get(call.id);
      return newer ? { ...call, ...newer } : call;
    });
    const merged = { ...message, tool_calls };
    return isSame(message, merged) ? message : merged;
  });
}

/** The position after which to fetch again when a session changed: the last messages and all new. */
export function tailStart(messages: readonly Message[]): number {
  const first = messages.at(-Math.min(TAIL, messages.length));
  return first ? first.position - 1 : -1;
}

/** Calls before the tail whose end is not known yet; newest first, so that a running one is seen. */
export function pendingCallIds(messages: readonly Message[]): string[] {
  const ids: string[] = [];
  for (let i = messages.length - TAIL - 1; i >= 0 && ids.length < MAX_PENDING; i--) {
    for (const call of messages[i]?.tool_calls ?? []) if (isUnfinished(call)) ids.push(call.id);
  }
  return ids;
}

function byPosition(a: Message, b: Message): number {
  return a.position - b.position || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
