// Hunks of a change as rows with line numbers.

export type DiffRow = {
  kind: "added" | "removed" | "same" | "gap" | "note";
  before: number | null;
  after: number | null;
  text: string;
};

type Hunk = { old_start: number; new_start: number; lines: string[] };

export function diffRows(diff: unknown): DiffRow[] {
  if (!Array.isArray(diff)) return [];
  return diff
    .filter(isHunk)
    .flatMap((hunk, i) => [
      ...(i === 0 ? [] : [{ kind: "gap" as const, before: null, after: null, text: "⋯" }]),
      ...hunkRows(hunk),
    ]);
}

/**
 * What an edit asked for, when the file it changed (or failed to change) is not known: the old text
 * and the new, without line numbers.
 */
export function requestedRows(input: unknown): DiffRow[] {
  if (typeof input !== "object" || input === null) return [];
  const edit = input as Record<string, unknown>;
  if (Array.isArray(edit.edits)) return edit.edits.flatMap(requestedRows);
  return [
    ...plainRows("removed", edit.old_string),
    ...plainRows("added", edit.new_string ?? edit.content),
  ];
}

function plainRows(kind: "added" | "removed", text: unknown): DiffRow[] {
  if (typeof text !== "string" || text === "") return [];
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => ({ kind, before: null, after: null, text: line }));
}

function isHunk(value: unknown): value is Hunk {
  const hunk = value as Partial<Hunk> | null;
  return (
    typeof hunk?.old_start === "number" &&
    typeof hunk.new_start === "number" &&
    Array.isArray(hunk.lines) &&
    hunk.lines.every((line) => typeof line === "string")
  );
}

function hunkRows(hunk: Hunk): DiffRow[] {
  let before = hunk.old_start;
  let after = hunk.new_start;
  return hunk.lines.map((line): DiffRow => {
    const text = line.slice(1);
    if (line.startsWith("+")) return { kind: "added", before: null, after: after++, text };
    if (line.startsWith("-")) return { kind: "removed", before: before++, after: null, text };
    if (line.startsWith("\\"))
      return { kind: "note", before: null, after: null, text: text.trim() };
    return { kind: "same", before: before++, after: after++, text };
  });
}
