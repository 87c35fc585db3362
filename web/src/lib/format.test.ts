import { describe, expect, it } from "vitest";
import {
  activityOf,
  describeCost,
  elapsed,
  formatAgo,
  formatDuration,
  formatTokens,
  formatUsd,
  shortModel,
  sourceLabel,
  sumKnown,
} from "./format";

const NOW = Date.parse("2026-03-10T12:00:00Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

describe("cost", () => {
  it("is shown to the cent", () => {
    expect(formatUsd(1234.5)).toBe("$1,234.50");
    expect(formatUsd(0)).toBe("$0.00");
    expect(formatUsd(0.0049)).toBe("<$0.01");
    expect(formatUsd(0.005)).toBe("$0.01");
  });

  it("keeps unknown apart from zero", () => {
    expect(describeCost(null, 3)).toEqual({ text: "unknown", note: "3 unpriced calls" });
    expect(describeCost(null, 1).note).toBe("1 unpriced call");
    expect(describeCost(null, 0)).toEqual({ text: "–", note: null });
    expect(describeCost(0, 0)).toEqual({ text: "$0.00", note: null });
    expect(describeCost(2, 1200)).toEqual({ text: "$2.00", note: "+ 1,200 unpriced" });
  });

  it("sums only what is known", () => {
    expect(sumKnown(null, undefined)).toBeNull();
    expect(sumKnown(null, 2, 0)).toBe(2);
  });
});

describe("tokens", () => {
  it("have three digits", () => {
    expect(formatTokens(null)).toBe("unknown");
    expect([0, 999, 1234, 99_940, 123_456, 999_499, 999_600, 4_560_000].map(formatTokens)).toEqual([
      "0",
      "999",
      "1.23k",
      "99.9k",
      "123k",
      "999k",
      "1.00M",
      "4.56M",
    ]);
  });
});

describe("times", () => {
  it("are relative, then dates", () => {
    expect(formatAgo(ago(3), NOW)).toBe("just now");
    expect(formatAgo(ago(42), NOW)).toBe("42 s ago");
    expect(formatAgo(ago(3600 * 5), NOW)).toBe("5 h ago");
    expect(formatAgo("2026-01-02T00:00:00Z", NOW)).toBe("2 Jan");
    expect(formatAgo("2025-01-02T12:00:00Z", NOW)).toBe("2 Jan 2025");
  });

  it("have durations with two units", () => {
    expect([0, 850, 4200, 61_000, 3_600_000, 90_000_000].map(formatDuration)).toEqual([
      "0 ms",
      "850 ms",
      "4.2 s",
      "1 min 1 s",
      "1 h",
      "1 d 1 h",
    ]);
    expect(elapsed("2026-01-01T00:00:05Z", null)).toBeNull();
    expect(elapsed("2026-01-01T00:00:05Z", "2026-01-01T00:00:00Z")).toBe(0);
  });

  it("say how alive a session is", () => {
    expect(activityOf(ago(59), NOW)).toBe("running");
    expect(activityOf(ago(60), NOW)).toBe("idle");
    expect(activityOf(ago(300), NOW)).toBe("ended");
    expect(activityOf(ago(-30), NOW)).toBe("running");
    expect(activityOf(ago(-3600), NOW)).toBe("ended");
    expect(activityOf(null, NOW)).toBe("ended");
  });
});

it("names tools and models", () => {
  expect(sourceLabel("claude_code")).toBe("Claude Code");
  expect(sourceLabel("new_tool")).toBe("New tool");
  expect(shortModel("claude-sonnet-4-5-20250929")).toBe("claude-sonnet-4-5");
});
