// Text from transcripts is hostile until shown: terminal escapes are dropped, and characters that
// would reorder or hide what a reader sees are written out.

const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f\u0080-\u009f]|\u001b/g;
const SUSPECT =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export function visibleText(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text
    .replace(ESCAPES, "")
    .replace(BIDI, codePoint)
    .replace(CONTROLS, (c) =>
      c < "\u0020" ? String.fromCharCode(0x2400 + c.charCodeAt(0)) : codePoint(c),
    );
}

function codePoint(character: string): string {
  return `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** The same for every string (and key) of a JSON value. */
export function visibleJson<T>(value: T): T {
  return walk(value) as T;
}

function walk(value: unknown): unknown {
  if (typeof value === "string") return visibleText(value);
  if (Array.isArray(value)) return value.map(walk);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [visibleText(key), walk(item)]),
  );
}

export function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0]?.trimEnd() ?? "";
}
