// Loads a session page by page in the background and follows its changes. One request at a time, so
// that an older answer can never overwrite a newer one.
import type { Api } from "./api";
import { REPLAY_PAGE_SIZE } from "./api";
import type { Message } from "./model";
import { mergeMessages, mergeToolCalls, pendingCallIds, tailStart } from "./replay-merge";
import { Store } from "./store";

export type ReplayState = {
  messages: Message[];
  /** All there is has been fetched at least once. */
  complete: boolean;
  error: unknown;
};

export class ReplayLoader {
  readonly state = new Store<ReplayState>({ messages: [], complete: false, error: null });
  readonly #api: Api;
  readonly #session: string;
  #abort = new AbortController();
  #running = false;
  #again = false;

  constructor(api: Api, session: string) {
    this.#api = api;
    this.#session = session;
  }

  /** Fetch what is missing or may have changed; calls while one is under way are joined into one. */
  refresh = async (): Promise<void> => {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    try {
      while (this.#again && !signal.aborted) {
        this.#again = false;
        await this.#fetch(signal);
      }
    } catch (error) {
      if (!signal.aborted) this.#set({ error });
    } finally {
      this.#running = false;
    }
    // Asked again after stop(), while the stopped request was still winding down.
    if (this.#again) await this.refresh();
  };

  stop(): void {
    this.#abort.abort();
    this.#again = false;
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { messages, complete } = this.state.get();
    const pending = complete ? pendingCallIds(messages) : [];
    let after = complete ? tailStart(messages) : (messages.at(-1)?.position ?? -1);
    for (;;) {
      const page = await this.#api.replayPage(this.#session, after, signal);
      if (signal.aborted) return;
      this.#set({ messages: mergeMessages(this.state.get().messages, page), error: null });
      const last = page.at(-1);
      if (!last || page.length < REPLAY_PAGE_SIZE) break;
      after = last.position;
    }
    if (pending.length > 0) {
      const calls = await this.#api.toolCalls(this.#session, pending, signal);
      if (signal.aborted) return;
      this.#set({ messages: mergeToolCalls(this.state.get().messages, calls) });
    }
    this.#set({ complete: true });
  }

  #set(change: Partial<ReplayState>): void {
    this.state.set({ ...this.state.get(), ...change });
  }
}
