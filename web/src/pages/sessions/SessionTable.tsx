// Thousands of sessions in one scrolling table; only the visible rows exist in the page.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useRef } from "react";
import { useOffsetTop } from "../../lib/hooks";
import type { Session } from "../../lib/model";
import { SessionRow } from "./SessionRow";

type Props = {
  sessions: Session[];
  scroller: RefObject<HTMLDivElement | null>;
  /** Another filter is being applied; these are still the rows of the last one. */
  isOutdated: boolean;
  hasMore: boolean;
  isLoadingMore: boolean;
  onMore: () => void;
};

const ROW_PX = 59;
const LOAD_AHEAD = 15;

export function SessionTable({
  sessions,
  scroller,
  isOutdated,
  hasMore,
  isLoadingMore,
  onMore,
}: Props) {
  const table = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: sessions.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => sessions[index]?.id ?? index,
    scrollMargin: useOffsetTop(table),
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  const isNearEnd = lastShown >= sessions.length - LOAD_AHEAD;

  useEffect(() => {
    if (isNearEnd && hasMore && !isLoadingMore) onMore();
  }, [isNearEnd, hasMore, isLoadingMore, onMore]);

  return (
    <div
      className={isOutdated ? "table table-outdated" : "table"}
      aria-busy={isOutdated}
      role="table"
      aria-label="Sessions"
      aria-rowcount={hasMore ? -1 : sessions.length + 1}
      ref={table}
      data-testid="session-list"
    >
      <TableHead />
      <div className="table-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {items.map(({ index, key, start }) => {
          const session = sessions[index];
          return (
            session && (
              <div
                key={key}
                data-index={index}
                ref={virtual.measureElement}
                className="row-slot"
                role="presentation"
                style={{ transform: `translateY(${start - virtual.options.scrollMargin}px)` }}
              >
                <SessionRow session={session} index={index} />
              </div>
            )
          );
        })}
      </div>
      {isLoadingMore && <p className="table-more">Loading more…</p>}
    </div>
  );
}

function TableHead() {
  return (
    <div className="row row-head" role="row">
      <span role="columnheader">Session</span>
      <span role="columnheader">Last activity</span>
      <span role="columnheader">Prompts</span>
      <span role="columnheader">Messages</span>
      <span role="columnheader">Tool calls</span>
      <span role="columnheader">Lines</span>
      <span role="columnheader">Tokens</span>
      <span role="columnheader">Cost</span>
    </div>
  );
}

export function TableSkeleton() {
  return (
    <div className="table" role="status" aria-label="Loading sessions" data-testid="loading">
      <TableHead />
      {Array.from({ length: 9 }, (_, i) => (
        <div key={i} className="row row-skeleton">
          <span className="skeleton" />
        </div>
      ))}
    </div>
  );
}
