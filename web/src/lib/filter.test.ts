import { expect, it } from "vitest";
import { afterCursor, containsPattern } from "./filter";

it("matches what was typed literally", () => {
  expect(containsPattern("fix login")).toBe('"%fix login%"');
  expect(containsPattern("100%_")).toBe('"%100\\\\%\\\\_%"');
  expect(containsPattern('a"b\\c')).toBe('"%a\\"b\\\\\\\\c%"');
  expect(containsPattern("a,b).c")).toBe('"%a,b).c%"');
  expect(containsPattern("*.ts")).toBe('"%_.ts%"');
});

it("continues behind the last row, with unknown times last", () => {
  expect(afterCursor({ endedAt: "2026-01-01T00:00:00+00:00", id: "i" })).toBe(
    'ended_at.lt."2026-01-01T00:00:00+00:00",and(ended_at.eq."2026-01-01T00:00:00+00:00",id.gt.i),ended_at.is.null',
  );
  expect(afterCursor({ endedAt: null, id: "i" })).toBe("and(ended_at.is.null,id.gt.i)");
});
