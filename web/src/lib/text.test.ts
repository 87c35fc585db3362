import { expect, it } from "vitest";
import { firstLine, visibleJson, visibleText } from "./text";

it("leaves ordinary text alone", () => {
  const text = "Ünïcode ✓ שלום\n\ttab";
  expect(visibleText(text)).toBe(text);
});

it("writes out characters that reorder what is read", () => {
  expect(visibleText("a\u202egpj.exe")).toBe("a⟨U+202E⟩gpj.exe");
  expect(visibleText("\u2067x\u2069")).toBe("⟨U+2067⟩x⟨U+2069⟩");
});

it("drops terminal escapes and shows other control characters", () => {
  expect(visibleText("\u001b[31mred\u001b[0m \u001b]52;c;ZXZpbA==\u0007done")).toBe("red done");
  expect(visibleText("a\u0007b\u001b")).toBe("a␇b␛");
  expect(visibleText("\u009b31m")).toBe("⟨U+009B⟩31m");
});

it("reaches every string of a value", () => {
  expect(visibleJson({ "k\u202e": ["\u200f", 1, null, true] })).toEqual({
    "k⟨U+202E⟩": ["⟨U+200F⟩", 1, null, true],
  });
});

it("finds the first line that says something", () => {
  expect(firstLine("\n\n  hello  \nworld")).toBe("hello");
  expect(firstLine("")).toBe("");
});
