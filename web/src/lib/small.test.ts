// Small pure parts: diff rows, sign-in links, configuration, backoff, coalescing, replay filter, usage.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { filterMessages, nextPrompt } from "../pages/session/replay-filter";
import { lastDays, usageByDay } from "../pages/sessions/usage";
import { parseSignInLink } from "./auth-link";
import { backoffMs } from "./backoff";
import { coalesce } from "./coalesce";
import { parseConfig } from "./config";
import { diffRows, requestedRows } from "./diff";
import type { Message } from "./model";

describe("diffRows", () => {
  it("numbers the lines of both sides", () => {
    const rows = diffRows([
      {
        old_start: 4,
        new_start: 4,
        lines: [" a", "-b", "+c", "+d", "\\ No newline at end of file"],
      },
      { old_start: 9, new_start: 10, lines: ["-x"] },
    ]);
    expect(rows.map((row) => [row.kind, row.before, row.after, row.text])).toEqual([
      ["same", 4, 4, "a"],
      ["removed", 5, null, "b"],
      ["added", null, 5, "c"],
      ["added", null, 6, "d"],
      ["note", null, null, "No newline at end of file"],
      ["gap", null, null, "⋯"],
      ["removed", 9, null, "x"],
    ]);
  });

  it("falls back to what an edit asked for", () => {
    const rows = requestedRows({ old_string: "a\nb\n", new_string: "c" });
    expect(rows.map((row) => [row.kind, row.text])).toEqual([
      ["removed", "a"],
      ["removed", "b"],
      ["added", "c"],
    ]);
    expect(requestedRows({ edits: [{ old_string: "x", new_string: "" }] })).toHaveLength(1);
    expect([null, "text", {}, { content: 1 }].flatMap(requestedRows)).toEqual([]);
  });

  it("shows nothing for what is no diff", () => {
    expect([null, "x", {}, [{ lines: [1] }], [null]].flatMap(diffRows)).toEqual([]);
  });
});

describe("parseSignInLink", () => {
  const host = "http://127.0.0.1:8420";

  it("reads the token from the fragment or the query", () => {
    const link = { tokenHash: "abc", type: "magiclink" };
    expect(parseSignInLink(`${host}/auth/confirm#token_hash=abc&type=magiclink`)).toEqual(link);
    expect(parseSignInLink(`${host}/auth/confirm?token_hash=abc&type=magiclink`)).toEqual(link);
    expect(parseSignInLink(`${host}/auth/confirm#token_hash=abc`)).toEqual(link);
  });

  it("ignores other pages and other types", () => {
    expect(parseSignInLink(`${host}/#token_hash=abc&type=magiclink`)).toBeNull();
    expect(parseSignInLink(`${host}/auth/confirm?token_hash=abc&type=sms`)).toBeNull();
    expect(parseSignInLink(`${host}/auth/confirm`)).toBeNull();
  });
});

describe("parseConfig", () => {
  it("uses the page's own origin for the local server", () => {
    const value = { url: "http://127.0.0.1:8420", publishableKey: "k", local: true };
    expect(parseConfig(value, "http://localhost:8420").url).toBe("http://localhost:8420");
    expect(parseConfig({ ...value, local: false }, "https://x").url).toBe("http://127.0.0.1:8420");
  });

  it("refuses what is not a configuration", () => {
    expect(() => parseConfig(null, "o")).toThrow("config.json");
    expect(() => parseConfig({ url: "u" }, "o")).toThrow("config.json");
  });
});

it("backs off up to ten seconds, forever", () => {
  expect([1, 2, 3, 6, 1000].map((n) => backoffMs(n, () => 1))).toEqual([
    500, 1000, 2000, 10_000, 10_000,
  ]);
  expect(backoffMs(1, () => 0)).toBe(250);
});

describe("coalesce", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("runs once for a burst, and once more for what came while it ran", async () => {
    let finish = () => {};
    const work = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
    const { call } = coalesce(work, 300);
    call();
    vi.advanceTimersByTime(200);
    call();
    vi.advanceTimersByTime(100);
    expect(work).toHaveBeenCalledTimes(1);
    call();
    vi.advanceTimersByTime(5000);
    expect(work).toHaveBeenCalledTimes(1);
    finish();
    await vi.advanceTimersByTimeAsync(300);
    expect(work).toHaveBeenCalledTimes(2);
  });

  it("can be cancelled", () => {
    const work = vi.fn(async () => {});
    const { call, cancel } = coalesce(work, 300);
    call();
    cancel();
    vi.advanceTimersByTime(1000);
    expect(work).not.toHaveBeenCalled();
  });
});

describe("replay filter", () => {
  const make = (kind: string, text: string, calls: object[] = []) =>
    ({
      id: text,
      kind,
      flags: null,
      blocks: [{ kind: "text", text }],
      tool_calls: calls,
    }) as unknown as Message;
  const messages = [
    make("prompt", "Fix the LOGIN"),
    make("answer", "", [
      { name: "Bash", input: { command: "ls" }, result: "a.ts", is_error: true },
    ]),
    make("answer", "done"),
    make("prompt", "thanks"),
  ];

  it("narrows by view and text", () => {
    const ids = (...args: Parameters<typeof filterMessages>) =>
      filterMessages(...args).map((m) => m.id);
    expect(filterMessages(messages, "all", " ")).toBe(messages);
    expect(ids(messages, "all", "login")).toEqual(["Fix the LOGIN"]);
    expect(ids(messages, "all", "A.TS")).toEqual([""]);
    expect(ids(messages, "talk", "")).toEqual(["Fix the LOGIN", "done", "thanks"]);
    expect(ids(messages, "failed", "")).toEqual([""]);
  });

  it("finds the next and the previous prompt", () => {
    expect([nextPrompt(messages, 0, 1), nextPrompt(messages, 3, 1)]).toEqual([3, -1]);
    expect([nextPrompt(messages, 3, -1), nextPrompt(messages, 0, -1)]).toEqual([0, -1]);
  });
});

it("adds up the usage of the viewer's days, unknown apart from zero", () => {
  const now = Date.parse("2026-03-01T23:30:00Z");
  const days = lastDays(3, now, "UTC");
  expect(days).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
  expect(lastDays(1, now, "Asia/Tokyo")).toEqual(["2026-03-02"]);
  expect(lastDays(2, now, "America/New_York")).toEqual(["2026-02-28", "2026-03-01"]);
  const row = { calls: 1, unpriced_calls: 0 };
  expect(
    usageByDay(
      [
        { ...row, day: "2026-03-01", cost_usd: 1.5 },
        { ...row, day: "2026-03-01", cost_usd: null, unpriced_calls: 2 },
        { ...row, day: null, cost_usd: 9 },
      ],
      days,
    ).map(({ usd, unpriced }) => [usd, unpriced]),
  ).toEqual([
    [null, 0],
    [null, 0],
    [1.5, 2],
  ]);
});
