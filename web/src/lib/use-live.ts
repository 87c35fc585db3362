// Ties live changes to what is on the screen.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { coalesce } from "./coalesce";
import type { Change } from "./live";
import { LIST, SESSION, SUMMARY } from "./queries";
import { useServices } from "./services";

const WAIT_MS = 300;
const SUMMARY_WAIT_MS = 1500;
/** A session that is not known yet may be a new subagent of the open one. */
const UNRELATED_WAIT_MS = 3000;

/** Keep lists and totals up to date while the calling page is shown. */
export function useLiveLists(): void {
  const { live } = useServices();
  const queries = useQueryClient();
  useEffect(() => {
    const refetch = (key: string) => () => queries.invalidateQueries({ queryKey: [key] });
    const update = coalesce(refetch(LIST), WAIT_MS);
    const updateSummary = coalesce(refetch(SUMMARY), SUMMARY_WAIT_MS);
    const stop = live.onChange(() => {
      update.call();
      updateSummary.call();
    });
    return () => {
      stop();
      update.cancel();
      updateSummary.cancel();
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
      // The lists are fetched afresh when they are shown again.
      void queries.invalidateQueries({ queryKey: [LIST], refetchType: "none" });
      void queries.invalidateQueries({ queryKey: [SUMMARY], refetchType: "none" });
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
