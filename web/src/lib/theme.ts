// The reader's choice of theme. Without one the system decides (see tokens.css and theme.js).
import { Store } from "./store";

export type Theme = "light" | "dark";
const KEY = "claude-tracer.theme";

function current(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export const theme = new Store<Theme>(current());

export function toggleTheme(): void {
  const next: Theme = theme.get() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  theme.set(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage is blocked: the choice lasts until the tab is closed.
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme.set(current()));
