// A change to a file with its line numbers.
import { type DiffRow } from "../../lib/diff";
import { formatCount } from "../../lib/format";
import { useOpen } from "./open-state";

const SHOWN = 24;
const SIGN: Record<DiffRow["kind"], string> = {
  added: "+",
  removed: "−",
  same: " ",
  gap: "",
  note: "",
};
const SPOKEN: Partial<Record<DiffRow["kind"], string>> = { added: "added", removed: "removed" };

export function DiffView({ id, rows }: { id: string; rows: DiffRow[] }) {
  const [isOpen, toggle] = useOpen(`${id}:diff`, false);
  const isLong = rows.length > SHOWN + 4;
  const shown = isOpen || !isLong ? rows : rows.slice(0, SHOWN);
  return (
    <div className="diff" data-testid="diff">
      <div className="diff-scroll">
        <table>
          <tbody>
            {shown.map((row, i) => (
              <tr key={i} className={`diff-${row.kind}`}>
                <td className="diff-no">{row.before}</td>
                <td className="diff-no">{row.after}</td>
                <td className="diff-sign" aria-label={SPOKEN[row.kind]}>
                  {SIGN[row.kind]}
                </td>
                <td className="diff-text">{row.text || " "}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {isLong && (
        <button type="button" className="fold-button" aria-expanded={isOpen} onClick={toggle}>
          {isOpen ? "Show less" : `Show all ${formatCount(rows.length)} lines`}
        </button>
      )}
    </div>
  );
}
