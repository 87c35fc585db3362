// The loader of a session, kept for a while so that coming back shows what was there.
import { useQuery } from "@tanstack/react-query";
import type { VirtualItem } from "@tanstack/react-virtual";
import { useEffect } from "react";
import { ReplayLoader, type ReplayState } from "../../lib/replay-loader";
import { useServices } from "../../lib/services";
import { Store, useStore } from "../../lib/store";

export type ScrollMemory = { offset: number; sizes: VirtualItem[] };
export type Replay = {
  loader: ReplayLoader;
  open: Map<string, boolean>;
  scroll: ScrollMemory | null;
};

const KEPT_MS = 10 * 60_000;
const NOTHING = new Store<ReplayState>({ messages: [], complete: false, error: null });

export function useReplay(id: string): { replay: Replay | undefined; state: ReplayState } {
  const { api } = useServices();
  // The cache of queries also forgets it: after a while, and when somebody else signs in.
  const { data: replay } = useQuery({
    queryKey: ["replay", id],
    queryFn: (): Replay => ({ loader: new ReplayLoader(api, id), open: new Map(), scroll: null }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
    structuralSharing: false,
  });
  const loader = replay?.loader;
  useEffect(() => {
    if (!loader) return;
    void loader.refresh();
    return () => loader.stop();
  }, [loader]);
  return { replay, state: useStore(loader?.state ?? NOTHING) };
}
