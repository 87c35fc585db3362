// Ties live changes to what is on the screen.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { coalesce } from "./coalesce";
import type { Change } from "./live";
import { LIST, SESSION } from "./queries";
import { useServices } from "./services";

const WAIT_MS = 300;
/** A session that is not known yet may be a new subagent of the open one. */
const UNRELATED_WAIT_MS = 3000;

/** Keep lists and totals up to date while the calling page is shown. */
export function useLiveLists(): void {
  const { live } = useServices();
  const queries = useQueryClient();
  useEffect(() => {
    const update = coalesce(() => queries.invalidateQueries({ queryKey: [LIST] }), WAIT_MS);
    // Lists that were left behind are fetched afresh when they are shown again.
    const stop = live.onChange(update.call);
    return () => {
      stop();
      update.cancel();
    };
  }, [live, queries]);
}

/** Keep one session up to date; `onContent` is called at once when it or a subagent changed. */
export function useLiveSession(
  id: string,
  children: readonly string[],
  onContent: () => void,
): void {
  const { live } = useServices();
  const queries = useQueryClient();
  const related = children.join();
  useEffect(() => {
    const ids = [id, ...related.split(",")];
    const refetch = () => queries.invalidateQueries({ queryKey: [SESSION, id] });
    const update = coalesce(refetch, WAIT_MS);
    const updateLater = coalesce(refetch, UNRELATED_WAIT_MS);
    const stop = live.onChange((change: Change) => {
      void queries.invalidateQueries({ queryKey: [LIST], refetchType: "none" });
      if (change !== null && !ids.some((known) => change.has(known))) return updateLater.call();
      onContent();
      update.call();
    });
    return () => {
      stop();
      update.cancel();
      updateLater.cancel();
    };
  }, [live, queries, id, related, onContent]);
}
