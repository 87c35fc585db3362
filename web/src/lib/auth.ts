// Who is signed in. A small state machine outside React, because a sign-in link works only once and
// must not depend on how often a component mounts.
import { CONFIRM_PATH, parseSignInLink, type SignInLink } from "./auth-link";
import { type AuthError, type Client, isAuthRetryableFetchError, STORAGE_KEY } from "./client";
import { Store } from "./store";

export type SignedOutReason =
  "none" | "left" | "link-invalid" | "link-unreachable" | "stale" | "unreachable";
export type AuthState =
  | { status: "starting" }
  | { status: "verifying" }
  | { status: "signed-in"; userId: string; email: string | null }
  | { status: "signed-out"; reason: SignedOutReason };

export class Auth {
  readonly state = new Store<AuthState>({ status: "starting" });
  readonly #client: Client;
  readonly #answers: () => Promise<boolean>;
  #pendingLink: SignInLink | null = null;
  #recovering: Promise<void> | null = null;

  /** `answers` tells whether the server can be reached at all. */
  constructor(client: Client, answers: () => Promise<boolean>) {
    this.#client = client;
    this.#answers = answers;
  }

  async start(): Promise<void> {
    const link = takeSignInLink();
    if (link) this.state.set({ status: "verifying" });
    this.#client.auth.onAuthStateChange((_event, session) => {
      // What a link is about to replace must not be used, nor complained about, meanwhile.
      if (this.state.get().status === "verifying") return;
      if (session) this.#signedIn(session.user.id, session.user.email ?? null);
      else this.#lostSession();
    });
    if (link) await this.#verify(link);
    else setTimeout(() => this.#stillStarting(), PATIENCE_MS);
  }

  /** Try the link again that could not be checked because the server did not answer. */
  async retryLink(): Promise<void> {
    if (this.#pendingLink) await this.#verify(this.#pendingLink);
  }

  async signInWithPassword(email: string, password: string): Promise<string | null> {
    const { error } = await this.#client.auth.signInWithPassword({ email, password });
    return error ? passwordProblem(error) : null;
  }

  async signOut(reason: SignedOutReason = "left"): Promise<void> {
    this.state.set({ status: "signed-out", reason });
    await this.#client.auth.signOut({ scope: "local" });
    // A server that does not answer must not keep anybody signed in on this machine.
    localStorage.removeItem(STORAGE_KEY);
  }

  /** The server refused our token: refresh it once, or forget it and say so. Never a loop. */
  recover(): Promise<void> {
    this.#recovering ??= this.#refreshOrForget().finally(() => {
      this.#recovering = null;
    });
    return this.#recovering;
  }

  async #refreshOrForget(): Promise<void> {
    if (this.state.get().status !== "signed-in") return;
    const { error } = await this.#client.auth.refreshSession();
    if (error && isAuthRetryableFetchError(error)) return;
    if (!error) {
      const { error: refused } = await this.#client.auth.getUser();
      if (!refused || isAuthRetryableFetchError(refused)) return;
    }
    await this.signOut("stale");
  }

  async #verify(link: SignInLink): Promise<void> {
    this.#pendingLink = link;
    this.state.set({ status: "verifying" });
    // Or the library, still busy with a stored token that is no longer good, could drop the new one.
    await this.#client.auth.initialize();
    const { data, error } = await this.#client.auth.verifyOtp({
      token_hash: link.tokenHash,
      type: link.type,
    });
    if (data.user) {
      this.#pendingLink = null;
      this.#signedIn(data.user.id, data.user.email ?? null);
      return;
    }
    const unreachable = error !== null && isAuthRetryableFetchError(error);
    if (!unreachable) this.#pendingLink = null;
    const existing = await this.#client.auth.getSession();
    const user = existing.data.session?.user;
    if (user) this.#signedIn(user.id, user.email ?? null);
    else
      this.state.set({
        status: "signed-out",
        reason: unreachable ? "link-unreachable" : "link-invalid",
      });
  }

  #signedIn(userId: string, email: string | null): void {
    const state = this.state.get();
    if (state.status === "signed-in" && state.userId === userId && state.email === email) return;
    this.state.set({ status: "signed-in", userId, email });
  }

  #lostSession(): void {
    const { status } = this.state.get();
    if (status === "signed-out" && !this.#isUnreachable()) return;
    // The library keeps a token that it could not refresh for want of an answer, and drops one that
    // was refused. Losing a session that nobody gave up means that the server no longer knows it.
    const kept = localStorage.getItem(STORAGE_KEY) !== null;
    const refused = status === "signed-in" || hadStoredSession;
    if (kept && this.#isUnreachable()) return;
    if (kept) void this.#waitForServer();
    else this.state.set({ status: "signed-out", reason: refused ? "stale" : "none" });
  }

  /** The library tries to renew an old token for half a minute before it says anything. */
  #stillStarting(): void {
    if (this.state.get().status === "starting") void this.#waitForServer();
  }

  /**
   * A token is stored but could not be renewed. The library would not try again for a minute, so
   * the page starts anew once the server has come back; never more than once per outage.
   */
  async #waitForServer(): Promise<void> {
    this.state.set({ status: "signed-out", reason: "unreachable" });
    for (let wasDown = false; this.#isUnreachable(); await pause(POLL_MS)) {
      if (!(await this.#answers())) wasDown = true;
      else if (wasDown) return location.reload();
    }
  }

  #isUnreachable(): boolean {
    const state = this.state.get();
    return state.status === "signed-out" && state.reason === "unreachable";
  }
}

const PATIENCE_MS = 4000;
const POLL_MS = 3000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const hadStoredSession = localStorage.getItem(STORAGE_KEY) !== null;

/** Read the sign-in link and remove it from the address bar and the history, before any request. */
function takeSignInLink(): SignInLink | null {
  const link = parseSignInLink(location.href);
  if (location.pathname === CONFIRM_PATH) history.replaceState(null, "", "/");
  return link;
}

function passwordProblem(error: AuthError): string {
  if (isAuthRetryableFetchError(error)) return "The server does not answer. Try again in a moment.";
  if (error.code === "invalid_credentials") return "E-mail or password is wrong.";
  if (error.code === "email_not_confirmed")
    return "Confirm your e-mail address first; check your inbox.";
  if (error.code === "over_request_rate_limit")
    return "Too many attempts. Wait a minute and try again.";
  return error.message;
}
