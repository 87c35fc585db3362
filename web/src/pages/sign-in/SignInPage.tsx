// What somebody sees who is not signed in: how to get in, and why they are out.
import { type FormEvent, useState } from "react";
import { Logo } from "../../components/icons";
import type { SignedOutReason } from "../../lib/auth";
import { useServices } from "../../lib/services";

const NOTICES: Record<SignedOutReason, string | null> = {
  none: null,
  left: "You are signed out on this browser.",
  "link-invalid":
    "This sign-in link has expired or was already used. A link works once, for a short time.",
  "link-unreachable":
    "The server did not answer, so the sign-in link could not be checked. It still counts.",
  stale:
    "Your earlier sign-in is no longer valid here: it expired, or the tracer's data folder was made anew. Nothing is lost; sign in again.",
  unreachable: "The tracer does not answer. You are signed in again as soon as it does.",
};

export function SignInPage({ reason }: { reason: SignedOutReason }) {
  const { auth, config } = useServices();
  const notice = NOTICES[reason];
  return (
    <main className="sign-in" data-testid="sign-in" data-reason={reason}>
      <div className="brand">
        <Logo />
        claude-tracer
      </div>
      <section className="sign-in-card">
        <h1>Sign in</h1>
        {notice && (
          <p className="sign-in-notice" role="status" data-testid="sign-in-notice">
            {notice}
          </p>
        )}
        {reason === "link-unreachable" && (
          <button type="button" className="button" onClick={() => void auth.retryLink()}>
            Try the link again
          </button>
        )}
        {config.local ? <LocalHelp /> : <PasswordForm />}
      </section>
    </main>
  );
}

function LocalHelp() {
  return (
    <>
      <p>
        This dashboard runs on your own machine and has no password. To open a signed-in tab, run:
      </p>
      <code className="sign-in-command">claude-tracer web</code>
    </>
  );
}

function PasswordForm() {
  const { auth } = useServices();
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(
      await auth.signInWithPassword(String(form.get("email")), String(form.get("password"))),
    );
    setBusy(false);
  }

  return (
    <form className="sign-in-form" onSubmit={(event) => void submit(event)}>
      {problem && (
        <p className="sign-in-problem" role="alert">
          {problem}
        </p>
      )}
      <label>
        E-mail
        <span className="field">
          <input name="email" type="email" autoComplete="username" required />
        </span>
      </label>
      <label>
        Password
        <span className="field">
          <input name="password" type="password" autoComplete="current-password" required />
        </span>
      </label>
      <button type="submit" className="button button-primary" disabled={busy}>
        {busy ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}
