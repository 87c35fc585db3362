// The frame of every page: brand, connection state, theme, sign-out.
import { Link, Outlet } from "@tanstack/react-router";
import type { LiveState } from "../lib/live";
import { useServices } from "../lib/services";
import { useStore } from "../lib/store";
import { theme, toggleTheme } from "../lib/theme";
import { Logo, MoonIcon, SignOutIcon, SunIcon } from "./icons";

export function Shell() {
  const { auth, config } = useServices();
  const state = useStore(auth.state);
  const email = state.status === "signed-in" && !config.local ? state.email : null;
  return (
    <div className="shell">
      <a className="button skip-link" href="#main">
        Skip to content
      </a>
      <header className="shell-bar">
        <Link to="/" className="brand">
          <Logo />
          claude-tracer
        </Link>
        <span className="shell-space" />
        <ConnectionState />
        {email && <span className="user-mail clip">{email}</span>}
        <ThemeToggle />
        <button
          type="button"
          className="icon-button"
          aria-label="Sign out"
          title="Sign out"
          onClick={() => void auth.signOut()}
        >
          <SignOutIcon />
        </button>
      </header>
      <main id="main" className="shell-main" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

const CONNECTION: Record<LiveState, [label: string, title: string]> = {
  connecting: ["Connecting", "Joining the live channel"],
  live: ["Live", "Changes appear as they happen"],
  reconnecting: ["Reconnecting", "The live channel was lost; checking every 10 seconds meanwhile"],
  offline: ["Offline", "The server does not answer; trying again all the time"],
};

function ConnectionState() {
  const { live } = useServices();
  const state = useStore(live.state);
  const [label, title] = CONNECTION[state];
  return (
    <span
      className={`connection connection-${state}`}
      role="status"
      title={title}
      data-testid="connection"
      data-state={state}
    >
      <span className="pulse" />
      {label}
    </span>
  );
}

function ThemeToggle() {
  const isDark = useStore(theme) === "dark";
  const label = isDark ? "Use the light theme" : "Use the dark theme";
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={toggleTheme}
    >
      {isDark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
