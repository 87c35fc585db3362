// Pieces of PostgREST filters made from what people type.

/** A quoted `ilike` pattern that matches the text anywhere, whatever characters it has. */
export function containsPattern(text: string): string {
  const literal = text.replace(/[\\%_]/g, "\\$&").replace(/\*/g, "_");
  return quoted(`%${literal}%`);
}

/** A value for use inside `or=(...)`, where commas, dots and brackets have a meaning. */
function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

export type Cursor = { endedAt: string | null; id: string };

/** What comes after a row in the order "newest activity first, unknown last, then id". */
export function afterCursor({ endedAt, id }: Cursor): string {
  if (endedAt === null) return `and(ended_at.is.null,id.gt.${id})`;
  const at = quoted(endedAt);
  return `ended_at.lt.${at},and(ended_at.eq.${at},id.gt.${id}),ended_at.is.null`;
}
