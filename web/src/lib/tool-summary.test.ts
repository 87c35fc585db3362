import { expect, it } from "vitest";
import { relativePath, toolSummary } from "./tool-summary";

const CWD = "/home/u/app";

it("says what a call is about", () => {
  const summaries = [
    toolSummary("Bash", { command: "npm test\n# more", description: "Run tests" }, CWD),
    toolSummary(
      "Edit",
      { old_string: "a", new_string: "b", file_path: "/home/u/app/src/a.ts" },
      CWD,
    ),
    toolSummary("Grep", { pattern: "foo.*", path: "/home/u/app/src" }, CWD),
    toolSummary(
      "Task",
      { description: "Find callers", subagent_type: "Explore", prompt: "long" },
      CWD,
    ),
    toolSummary("TodoWrite", { todos: [{ status: "completed" }, { status: "pending" }] }, CWD),
    toolSummary("shell", { command: ["bash", "-lc", "ls"] }, CWD),
    toolSummary("mcp__x__y", { limit: 3 }, CWD),
    toolSummary("Odd", { nested: { a: 1 } }, CWD),
    toolSummary("Odd", "free text\nmore", CWD),
    toolSummary(null, null, null),
    toolSummary("Odd", {}, null),
  ];
  expect(summaries).toEqual([
    "npm test",
    "src/a.ts",
    "foo.*  in src",
    "Explore: Find callers",
    "1 of 2 done",
    "bash -lc ls",
    "3",
    '{"nested":{"a":1}}',
    "free text",
    "",
    "",
  ]);
});

it("shortens only paths below the folder", () => {
  expect(relativePath("/home/u/application/x", CWD)).toBe("/home/u/application/x");
  expect(relativePath("/home/u/app/x", `${CWD}/`)).toBe("x");
  expect(relativePath("C:\\p\\x", "C:\\p")).toBe("x");
});
