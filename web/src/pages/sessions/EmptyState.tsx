type Props = { isNarrowed: boolean; onReset: () => void };

export function EmptyState({ isNarrowed, onReset }: Props) {
  if (isNarrowed) {
    return (
      <div className="panel" data-testid="no-match">
        <h2>No session matches</h2>
        <p>Try other words, or look at all sessions again.</p>
        <button type="button" className="button" onClick={onReset}>
          Show all sessions
        </button>
      </div>
    );
  }
  return (
    <div className="panel" data-testid="empty">
      <h2>No sessions yet</h2>
      <p>
        The tracer watches where Claude Code, Codex CLI, Gemini CLI, Cursor and ten more tools keep
        their transcripts. Start using one of them: sessions appear here within a second.
      </p>
      <p>
        Nothing after a while? <code>claude-tracer status</code> says which folders are watched and
        whether the collector runs.
      </p>
    </div>
  );
}
