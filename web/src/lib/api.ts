// Every view and function name the dashboard reads stands in this file.
import type { Client } from "./client";
import { ApiError } from "./errors";
import { afterCursor, containsPattern, type Cursor } from "./filter";
import type { Message, Project, Session, ToolCall, UsageRow, Workspace } from "./model";
import { visibleJson } from "./text";

export const PAGE_SIZE = 50;
export const REPLAY_PAGE_SIZE = 200;

export type SessionFilter = {
  workspace: string;
  text: string;
  project: string | null;
  source: string | null;
};

type Answer<T> = {
  data: T | null;
  error: { message: string; hint?: string } | null;
  status: number;
};

const ROOTS = "parent_id.is.null,relation.in.(fork,resume)";

export class Api {
  readonly #client: Client;
  readonly #onUnauthorized: () => void;

  constructor(client: Client, onUnauthorized: () => void) {
    this.#client = client;
    this.#onUnauthorized = onUnauthorized;
  }

  workspaces(signal?: AbortSignal): Promise<Workspace[]> {
    const query = this.#client.from("workspaces").select("*").order("created_at");
    return this.#read(signal ? query.abortSignal(signal) : query);
  }

  projects(workspace: string): Promise<Project[]> {
    return this.#read(
      this.#client
        .from("projects")
        .select("id,name,root")
        .eq("workspace_id", workspace)
        .order("name"),
    );
  }

  /** Tools that have sessions here; one small query each instead of reading all rows. */
  async sources(workspace: string): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      let query = this.#client.from("sessions").select("source").eq("workspace_id", workspace);
      const last = found.at(-1);
      if (last !== undefined) query = query.gt("source", last);
      const [next] = await this.#read(query.order("source").limit(1));
      if (!next) return found;
      found.push(next.source);
    }
  }

  /** One page of root sessions and forks, newest activity first. */
  sessions(filter: SessionFilter, after: Cursor | null, signal: AbortSignal): Promise<Session[]> {
    let query = this.#filtered(this.#client.from("sessions").select("*"), filter);
    if (after) query = query.or(afterCursor(after));
    return this.#read(
      query
        .order("ended_at", { ascending: false, nullsFirst: false })
        .order("id")
        .limit(PAGE_SIZE)
        .abortSignal(signal),
    );
  }

  async countSessions(filter: SessionFilter): Promise<number> {
    const query = this.#client.from("sessions").select("id", { count: "exact" });
    let total = 0;
    await this.#read(
      this.#filtered(query, filter)
        .limit(1)
        .then((answer) => {
          total = answer.count ?? 0;
          return answer;
        }),
    );
    return total;
  }

  #filtered<Q extends FilterQuery>(query: Q, filter: SessionFilter): Q {
    let narrowed = query.eq("workspace_id", filter.workspace).or(ROOTS);
    if (filter.project) narrowed = narrowed.eq("project_id", filter.project);
    if (filter.source) narrowed = narrowed.eq("source", filter.source);
    if (filter.text) {
      const pattern = containsPattern(filter.text);
      narrowed = narrowed.or(`title.ilike.${pattern},project.ilike.${pattern}`);
    }
    return narrowed as Q;
  }

  /** What was used on each day (of `timezone`) since `day`, narrowed by tool and project. */
  async usageSince(
    day: string,
    timezone: string,
    filter: Pick<SessionFilter, "workspace" | "source" | "project">,
  ): Promise<UsageRow[]> {
    const rows = await this.#read(
      this.#client.rpc("get_usage", {
        dimensions: ["day"],
        timezone,
        since: day,
        workspace: filter.workspace,
        ...(filter.source && { source: filter.source }),
        ...(filter.project && { project: filter.project }),
      }),
    );
    return rows as UsageRow[];
  }

  session(id: string): Promise<Session | null> {
    return this.#read(this.#client.from("sessions").select("*").eq("id", id).maybeSingle());
  }

  /** Subagents and forks of a session, in the order they started. */
  children(id: string): Promise<Session[]> {
    return this.#read(
      this.#client
        .from("sessions")
        .select("*")
        .eq("parent_id", id)
        .order("started_at", { nullsFirst: false })
        .order("id"),
    );
  }

  async replayPage(
    session: string,
    afterPosition: number,
    signal: AbortSignal,
  ): Promise<Message[]> {
    const page = await this.#read(
      this.#client
        .rpc("get_replay", {
          session,
          after_position: afterPosition,
          page_size: REPLAY_PAGE_SIZE,
        })
        .abortSignal(signal),
    );
    return page as unknown as Message[];
  }

  async toolCalls(session: string, ids: string[], signal: AbortSignal): Promise<ToolCall[]> {
    const calls = await this.#read(
      this.#client
        .from("tool_calls")
        .select("*")
        .eq("session_id", session)
        .in("id", ids)
        .abortSignal(signal),
    );
    return calls as unknown as ToolCall[];
  }

  async #read<T>(answer: PromiseLike<Answer<T>>): Promise<T> {
    const { data, error, status } = await answer;
    if (!error) return visibleJson(data as T);
    if (status === 401) this.#onUnauthorized();
    throw new ApiError(error.message, status, error.hint ?? null);
  }
}

// The part of the query builder that narrows rows, whatever columns were selected.
interface FilterQuery {
  eq(column: "workspace_id" | "project_id" | "source", value: string): this;
  or(filters: string): this;
}
