// What the pages ask for, as cached queries. Live updates invalidate them (see use-live.ts).
import { keepPreviousData, QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { PAGE_SIZE, type SessionFilter } from "./api";
import { ApiError } from "./errors";
import type { Cursor } from "./filter";
import { useServices } from "./services";

export const LIST = "list";
export const SUMMARY = "summary";
export const SESSION = "session";
export const USAGE_DAYS = 7;

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: shouldRetry, retryDelay: 600, staleTime: 30_000, networkMode: "always" },
    },
  });
}

/** A request that the server refused will be refused again, unless the token was renewed meanwhile. */
function shouldRetry(failures: number, error: Error): boolean {
  const worthwhile = !(error instanceof ApiError) || error.isUnauthorized || error.status >= 500;
  return worthwhile && failures < 2;
}

export function useWorkspaces() {
  const { api } = useServices();
  return useQuery({ queryKey: ["workspaces"], queryFn: ({ signal }) => api.workspaces(signal) });
}

export function useSessionList(filter: SessionFilter) {
  const { api } = useServices();
  return useInfiniteQuery({
    queryKey: [LIST, "sessions", filter],
    queryFn: ({ pageParam, signal }) => api.sessions(filter, pageParam, signal),
    initialPageParam: null as Cursor | null,
    getNextPageParam: (page): Cursor | null => {
      const last = page.at(-1);
      return last && page.length === PAGE_SIZE ? { endedAt: last.ended_at, id: last.id } : null;
    },
    placeholderData: keepPreviousData,
  });
}

export function useSessionCount(filter: SessionFilter) {
  const { api } = useServices();
  return useQuery({
    queryKey: [SUMMARY, "count", filter],
    queryFn: () => api.countSessions(filter),
    placeholderData: keepPreviousData,
  });
}

export function useUsage(filter: SessionFilter, since: string, timezone: string) {
  const { api } = useServices();
  const { workspace, source, project } = filter;
  return useQuery({
    queryKey: [SUMMARY, "usage", workspace, source, project, since, timezone],
    queryFn: () => api.usageSince(since, timezone, { workspace, source, project }),
    placeholderData: keepPreviousData,
  });
}

export function useProjects(workspace: string) {
  const { api } = useServices();
  return useQuery({
    queryKey: [SUMMARY, "projects", workspace],
    queryFn: () => api.projects(workspace),
  });
}

export function useSources(workspace: string) {
  const { api } = useServices();
  return useQuery({
    queryKey: [SUMMARY, "sources", workspace],
    queryFn: () => api.sources(workspace),
  });
}

export function useSession(id: string) {
  const { api } = useServices();
  return useQuery({ queryKey: [SESSION, id, "facts"], queryFn: () => api.session(id) });
}

export function useChildren(id: string) {
  const { api } = useServices();
  return useQuery({ queryKey: [SESSION, id, "children"], queryFn: () => api.children(id) });
}
