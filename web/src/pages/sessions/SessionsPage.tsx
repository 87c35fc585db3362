// The list of sessions, newest activity first, with what they add up to.
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { ErrorBanner, ErrorPanel } from "../../components/Parts";
import type { SessionFilter } from "../../lib/api";
import { useDebounced, useTitle } from "../../lib/hooks";
import { useSessionList, useWorkspaces } from "../../lib/queries";
import { useLiveLists } from "../../lib/use-live";
import { EmptyState } from "./EmptyState";
import { Filters } from "./Filters";
import { SessionTable, TableSkeleton } from "./SessionTable";
import { Totals } from "./Totals";

const route = getRouteApi("/");
const TYPING_MS = 250;

export function SessionsPage() {
  useTitle("Sessions · claude-tracer");
  useLiveLists();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: workspaces = [] } = useWorkspaces();
  const [text, setText] = useState(search.q ?? "");
  const settled = useDebounced(text.trim(), TYPING_MS);
  const scroller = useRef<HTMLDivElement>(null);

  const change = (part: typeof search) =>
    void navigate({ search: (before) => dropEmpty({ ...before, ...part }), replace: true });
  useEffect(() => {
    void navigate({ search: (before) => dropEmpty({ ...before, q: settled }), replace: true });
  }, [navigate, settled]);

  const workspace = workspaces.find(({ id }) => id === search.workspace) ?? workspaces[0];
  const filter: SessionFilter = {
    workspace: workspace?.id ?? "",
    text: settled,
    project: search.project ?? null,
    source: search.source ?? null,
  };
  const list = useSessionList(filter);
  const sessions = list.data?.pages.flat() ?? [];
  const isNarrowed = Boolean(filter.text || filter.project || filter.source);

  return (
    <div className="sessions" ref={scroller}>
      {list.error && list.data && (
        <ErrorBanner error={list.error} onRetry={() => void list.refetch()} />
      )}
      <div className="sessions-head">
        <h1 className="sr-only">Sessions</h1>
        <Totals filter={filter} />
        <Filters
          text={text}
          onText={setText}
          search={search}
          workspace={filter.workspace}
          workspaces={workspaces}
          onChange={change}
        />
      </div>
      {list.isPending && <TableSkeleton />}
      {list.error && !list.data && (
        <ErrorPanel error={list.error} onRetry={() => void list.refetch()} />
      )}
      {list.data && sessions.length === 0 && (
        <EmptyState
          isNarrowed={isNarrowed}
          onReset={() => {
            setText("");
            change({ q: "", project: "", source: "" });
          }}
        />
      )}
      {sessions.length > 0 && (
        <SessionTable
          sessions={sessions}
          scroller={scroller}
          isOutdated={list.isPlaceholderData}
          hasMore={list.hasNextPage}
          isLoadingMore={list.isFetchingNextPage}
          onMore={() => void list.fetchNextPage()}
        />
      )}
    </div>
  );
}

function dropEmpty<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value)) as T;
}
