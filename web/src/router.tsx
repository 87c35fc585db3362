// The pages and the state each keeps in its address.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { NotFound } from "./components/NotFound";
import { Shell } from "./components/Shell";
import { SessionsPage } from "./pages/sessions/SessionsPage";

export type SessionsSearch = { q?: string; project?: string; source?: string; workspace?: string };

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const sessionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: SessionsPage,
  validateSearch: (search: Record<string, unknown>): SessionsSearch =>
    Object.fromEntries(
      ["q", "project", "source", "workspace"]
        .map((key) => [key, search[key]] as const)
        .filter(([, value]) => typeof value === "string" && value !== ""),
    ),
});

const sessionRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sessions/$id",
  component: lazyRouteComponent(() => import("./pages/session/SessionPage"), "SessionPage"),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([sessionsRoute, sessionRoute]),
  defaultPreload: "intent",
  // Messages are scrolled to by the replay, which knows where they will be.
  defaultHashScrollIntoView: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
