// Live updates: one private channel per workspace tells which sessions changed; what changed is
// fetched under row-level security. While a channel is not joined, everything is polled.
import { backoffMs } from "./backoff";
import type { Client, RealtimeChannel } from "./client";
import { Store } from "./store";

/** The sessions that changed; null: unknown, so all may have. */
export type Change = ReadonlySet<string> | null;
export type LiveState = "connecting" | "live" | "reconnecting" | "offline";

const POLL_MS = 10_000;
const OFFLINE_AFTER = 3; // failed attempts

export class Live {
  readonly state = new Store<LiveState>("connecting");
  readonly #client: Client;
  readonly #listeners = new Set<(change: Change) => void>();
  #links: WorkspaceLink[] = [];
  /** Channels that are still being left; the library finds channels by topic, so it must be done. */
  #leaving: Promise<unknown> = Promise.resolve();
  #poll: ReturnType<typeof setInterval> | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Call `listener` for every change until the returned function is called. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(workspaces: readonly string[]): () => void {
    this.#links = workspaces.map(
      (workspace) => new WorkspaceLink(this.#client, workspace, this.#emit, () => this.#update()),
    );
    const links = this.#links;
    void this.#leaving.then(() => {
      for (const link of links) link.open();
    });
    this.#poll = setInterval(() => {
      if (this.state.get() !== "live") this.#emit(null);
    }, POLL_MS);
    const retry = () => {
      if (document.visibilityState === "visible") for (const link of this.#links) link.retryNow();
    };
    document.addEventListener("visibilitychange", retry);
    window.addEventListener("online", retry);
    return () => {
      document.removeEventListener("visibilitychange", retry);
      window.removeEventListener("online", retry);
      clearInterval(this.#poll);
      this.#leaving = Promise.all(links.map((link) => link.close()));
      this.#links = [];
      this.state.set("connecting");
    };
  }

  #emit = (change: Change): void => {
    for (const listener of [...this.#listeners]) listener(change);
  };

  #update(): void {
    if (this.#links.every((link) => link.joined)) this.state.set("live");
    else if (this.#links.some((link) => link.failures >= OFFLINE_AFTER)) this.state.set("offline");
    else if (this.#links.some((link) => link.failures > 0)) this.state.set("reconnecting");
  }
}

/** One workspace's channel, joined again for as long as the page is open. */
class WorkspaceLink {
  joined = false;
  failures = 0;
  readonly #client: Client;
  readonly #topic: string;
  readonly #emit: (change: Change) => void;
  readonly #changed: () => void;
  #channel: RealtimeChannel | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    client: Client,
    workspace: string,
    emit: (change: Change) => void,
    changed: () => void,
  ) {
    this.#client = client;
    this.#topic = `workspace:${workspace}`;
    this.#emit = emit;
    this.#changed = changed;
  }

  open(): void {
    if (this.#closed) return;
    const channel = this.#client.channel(this.#topic, { config: { private: true } });
    this.#channel = channel;
    channel
      .on("broadcast", { event: "ingest" }, ({ payload }) => this.#emit(idsOf(payload)))
      .subscribe((status) => {
        if (this.#channel !== channel) return; // a late word of a channel we gave up
        if (status === "SUBSCRIBED") this.#hasJoined();
        else void this.#hasFailed(channel);
      });
  }

  retryNow(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.open();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const channel = this.#channel;
    this.#channel = null;
    if (channel) await this.#client.removeChannel(channel);
  }

  #hasJoined(): void {
    this.joined = true;
    this.failures = 0;
    this.#changed();
    this.#emit(null); // events may have been missed while we were away
  }

  async #hasFailed(channel: RealtimeChannel): Promise<void> {
    this.#channel = null;
    this.joined = false;
    this.failures += 1;
    this.#changed();
    // The library finds channels by topic: the old one must be gone before the next is made.
    await this.#client.removeChannel(channel);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.open();
    }, backoffMs(this.failures));
  }
}

function idsOf(payload: unknown): Change {
  const { sessions } = (payload ?? {}) as { sessions?: unknown };
  return Array.isArray(sessions) ? new Set(sessions.filter((id) => typeof id === "string")) : null;
}
