// Long text with its first lines shown and the rest on request.
import type { ReactNode } from "react";
import { formatCount } from "../../lib/format";
import { useOpen } from "./open-state";

type Props = {
  id: string;
  text: string;
  lines?: number;
  children: (text: string) => ReactNode;
};

/** Some lines over the limit are shown rather than hidden behind a button of the same height. */
const GRACE = 3;
const MAX_CHARS = 4000;

export function Folded({ id, text, lines = 14, children }: Props) {
  const [isOpen, toggle] = useOpen(`${id}:all`, false);
  const all = text.split("\n");
  const isLong = all.length > lines + GRACE || text.length > MAX_CHARS;
  const shown = isOpen || !isLong ? text : all.slice(0, lines).join("\n").slice(0, MAX_CHARS);
  return (
    <div className={isLong && !isOpen ? "folded" : undefined}>
      {children(shown)}
      {isLong && (
        <button type="button" className="fold-button" aria-expanded={isOpen} onClick={toggle}>
          {isOpen ? "Show less" : foldLabel(all.length, text.length)}
        </button>
      )}
    </div>
  );
}

function foldLabel(lines: number, chars: number): string {
  return lines > 1
    ? `Show all ${formatCount(lines)} lines`
    : `Show all ${formatCount(chars)} characters`;
}
