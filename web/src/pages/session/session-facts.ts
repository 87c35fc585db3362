// What rows deep in the replay need to know of their session.
import { createContext } from "react";

export const SessionFacts = createContext<{ cwd: string | null; isLive: boolean }>({
  cwd: null,
  isLive: false,
});
