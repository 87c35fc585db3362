// Who is looking, and at what: sign-in first, then the workspaces, then the pages.
import { useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { ErrorPanel, Splash } from "./components/Parts";
import { useWorkspaces } from "./lib/queries";
import { useServices } from "./lib/services";
import { useStore } from "./lib/store";
import { SignInPage } from "./pages/sign-in/SignInPage";
import { router } from "./router";

export function App() {
  const { auth } = useServices();
  const state = useStore(auth.state);
  if (state.status === "starting") return <Splash>Loading…</Splash>;
  if (state.status === "verifying") return <Splash>Signing in…</Splash>;
  if (state.status === "signed-out") return <SignInPage reason={state.reason} />;
  return <SignedIn key={state.userId} />;
}

function SignedIn() {
  const { auth, live } = useServices();
  const queries = useQueryClient();
  const { data: workspaces, error, refetch } = useWorkspaces();
  const ids = workspaces?.map((workspace) => workspace.id).join();

  const [hasNone, setHasNone] = useState(false);

  useEffect(() => () => queries.clear(), [queries]);
  useEffect(() => (ids ? live.start(ids.split(",")) : undefined), [live, ids]);
  useEffect(() => {
    // Everybody has a workspace; nobody without one exists (any more) on this server.
    if (ids === "") void auth.recover().then(() => setHasNone(true));
  }, [auth, ids]);

  if (ids) return <RouterProvider router={router} />;
  if (error) return <ErrorPanel error={error} onRetry={() => void refetch()} />;
  if (ids === "" && hasNone) return <NoWorkspace onSignOut={() => void auth.signOut()} />;
  return <Splash>Loading…</Splash>;
}

function NoWorkspace({ onSignOut }: { onSignOut: () => void }) {
  return (
    <div className="panel" role="alert" data-testid="no-workspace">
      <h1>This account has no workspace</h1>
      <p>Ask its owner to invite you again, or sign in with another account.</p>
      <button type="button" className="button" onClick={onSignOut}>
        Sign out
      </button>
    </div>
  );
}
