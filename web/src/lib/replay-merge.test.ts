import { describe, expect, it } from "vitest";
import type { Message, ToolCall } from "./model";
import { mergeMessages, mergeToolCalls, pendingCallIds, tailStart } from "./replay-merge";

function message(position: number, change: Partial<Message> = {}): Message {
  return {
    id: `m${position}`,
    position,
    role: "assistant",
    kind: "answer",
    at: null,
    model: null,
    is_sidechain: null,
    flags: null,
    masked: null,
    blocks: [],
    tool_calls: [],
    usage: null,
    ...change,
  };
}

function call(id: string, change: Partial<ToolCall> = {}): ToolCall {
  return {
    id,
    message_id: null,
    position: 0,
    name: "Bash",
    input: {},
    result: null,
    is_error: null,
    started_at: null,
    ended_at: null,
    file_path: null,
    diff: null,
    lines_added: null,
    lines_removed: null,
    agent_session_id: null,
    masked: null,
    ...change,
  };
}

const list = (count: number) => Array.from({ length: count }, (_, i) => message(i * 10));

describe("mergeMessages", () => {
  it("adds new messages in order", () => {
    const merged = mergeMessages([message(10), message(30)], [message(20), message(40)]);
    expect(merged.map((m) => m.position)).toEqual([10, 20, 30, 40]);
  });

  it("takes the newer version and keeps the identity of the others", () => {
    const [a, b] = [message(1), message(2)];
    const newer = message(2, { model: "m" });
    const merged = mergeMessages([a, b], [message(1), newer]);
    expect(merged[0]).toBe(a);
    expect(merged[1]).toBe(newer);
  });

  it("returns the same list when nothing changed", () => {
    const known = list(3);
    expect(mergeMessages(known, list(2))).toBe(known);
    expect(mergeMessages(known, [])).toBe(known);
  });

  it("moves a message whose position became lower, and never repeats one", () => {
    const merged = mergeMessages([message(10), message(20)], [message(20, { position: 5 })]);
    expect(merged.map((m) => m.id)).toEqual(["m20", "m10"]);
  });

  it("orders equal positions by id", () => {
    const merged = mergeMessages([message(5, { id: "b" })], [message(5, { id: "a" })]);
    expect(merged.map((m) => m.id)).toEqual(["a", "b"]);
  });
});

describe("mergeToolCalls", () => {
  it("fills in a result and leaves other messages as they are", () => {
    const known = [message(1, { tool_calls: [call("x"), call("y")] }), message(2)];
    const merged = mergeToolCalls(known, [call("x", { result: "out", is_error: false })]);
    expect(merged[0]?.tool_calls.map((c) => c.result)).toEqual(["out", null]);
    expect(merged[1]).toBe(known[1]);
  });

  it("keeps the identity of a message whose calls did not change", () => {
    const known = [message(1, { tool_calls: [call("x")] })];
    expect(mergeToolCalls(known, [call("x")])[0]).toBe(known[0]);
  });
});

describe("what to fetch again", () => {
  it("is the last thirty messages", () => {
    expect(tailStart([])).toBe(-1);
    expect(tailStart(list(5))).toBe(-1);
    expect(tailStart(list(100))).toBe(699);
  });

  it("is also every unfinished call further back", () => {
    const messages = list(100);
    messages[3] = message(30, { tool_calls: [call("old"), call("done", { result: "" })] });
    messages[60] = message(600, { tool_calls: [call("newer"), call("ended", { ended_at: "t" })] });
    messages[99] = message(990, { tool_calls: [call("in the tail")] });
    expect(pendingCallIds(messages)).toEqual(["newer", "old"]);
  });
});
