import { ArrowDownIcon, ArrowUpIcon } from "../../components/icons";
import { SearchField } from "../../components/SearchField";
import { formatCount, plural } from "../../lib/format";
import type { View } from "./replay-filter";

const VIEWS: [View, string][] = [
  ["all", "Everything"],
  ["talk", "Conversation"],
  ["tools", "Tool calls"],
  ["failed", "Failures"],
];

type Props = {
  text: string;
  view: View;
  shown: number;
  loaded: number;
  total: number;
  isComplete: boolean;
  onText: (text: string) => void;
  onView: (view: View) => void;
  onPrompt: (step: 1 | -1) => void;
};

export function ReplayToolbar(props: Props) {
  const { text, view, onText, onView, onPrompt } = props;
  return (
    <div className="replay-toolbar" role="group" aria-label="Replay controls">
      <SearchField label="Filter this session" value={text} onChange={onText} />
      <div className="views" role="group" aria-label="What to show">
        {VIEWS.map(([id, label]) => (
          <button key={id} type="button" aria-pressed={view === id} onClick={() => onView(id)}>
            {label}
          </button>
        ))}
      </div>
      <span className="replay-count num" role="status" data-testid="replay-count">
        {countText(props)}
      </span>
      <span className="prompt-steps">
        <button
          type="button"
          className="icon-button"
          aria-label="Previous prompt"
          title="Previous prompt (k)"
          onClick={() => onPrompt(-1)}
        >
          <ArrowUpIcon />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label="Next prompt"
          title="Next prompt (j)"
          onClick={() => onPrompt(1)}
        >
          <ArrowDownIcon />
        </button>
      </span>
    </div>
  );
}

function countText({ shown, loaded, total, isComplete }: Props): string {
  if (!isComplete)
    return `Loading ${formatCount(loaded)} of ${formatCount(Math.max(loaded, total))}`;
  return shown === loaded
    ? plural(loaded, "message")
    : `${formatCount(shown)} of ${plural(loaded, "message")}`;
}
