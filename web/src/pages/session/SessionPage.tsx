// One session: its facts and its replay, followed live.
import "../../styles/session.css";
import "../../styles/replay.css";
import "../../styles/message.css";
import "../../styles/content.css";
import "../../styles/tool.css";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { NotFound } from "../../components/NotFound";
import { ErrorBanner, ErrorPanel } from "../../components/Parts";
import { useNow } from "../../lib/clock";
import { activityOf } from "../../lib/format";
import { useKeys, useTitle } from "../../lib/hooks";
import { useChildren, useSession } from "../../lib/queries";
import { useLiveSession } from "../../lib/use-live";
import { Facts } from "./Facts";
import { Replay } from "./Replay";
import { SessionHeader } from "./SessionHeader";
import { SessionFacts } from "./session-facts";
import { useReplay } from "./use-replay";

const route = getRouteApi("/sessions/$id");
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function SessionPage() {
  const { id } = route.useParams();
  // A new session is a new page: nothing of the last one's position or filter stays.
  return UUID.test(id) ? <SessionView key={id} id={id} /> : <NotFound />;
}

function SessionView({ id }: { id: string }) {
  const facts = useSession(id);
  const { data: children = [] } = useChildren(id);
  const { replay, state } = useReplay(id);
  const [showsFacts, setShowsFacts] = useState(false);
  const session = facts.data;
  const refresh = useCallback(() => void replay?.loader.refresh(), [replay]);
  const childIds = useMemo(() => children.map((child) => child.id), [children]);
  useLiveSession(id, childIds, refresh);
  useTitle(`${session?.title || session?.native_id || "Session"} · claude-tracer`);
  useKeys({ Escape: () => setShowsFacts(false) });

  const activity = activityOf(session?.ended_at ?? null, useNow());
  const cwd = session?.cwd ?? null;
  const context = useMemo(() => ({ cwd, isLive: activity !== "ended" }), [cwd, activity]);

  if (facts.error && !session)
    return <ErrorPanel error={facts.error} onRetry={() => void facts.refetch()} />;
  if (session === null) return <NotFound />;
  if (!session || !replay) {
    return (
      <div
        className="session-loading"
        role="status"
        aria-label="Loading the session"
        data-testid="loading"
      >
        <span className="skeleton" />
        <span className="skeleton" />
        <span className="skeleton" />
      </div>
    );
  }
  const error = facts.error ?? (state.messages.length > 0 ? state.error : null);
  const retry = () => {
    void facts.refetch();
    refresh();
  };
  return (
    <SessionFacts value={context}>
      <div className="session" data-testid="session" data-session-id={id}>
        {error !== null && <ErrorBanner error={error} onRetry={retry} />}
        <SessionHeader
          session={session}
          activity={activity}
          onFacts={() => setShowsFacts(!showsFacts)}
          showsFacts={showsFacts}
        />
        <div className="session-columns">
          {state.error !== null && state.messages.length === 0 ? (
            <ErrorPanel error={state.error} onRetry={retry} />
          ) : (
            <Replay replay={replay} state={state} session={session} isLive={context.isLive} />
          )}
          <Facts
            session={session}
            related={children}
            isOpen={showsFacts}
            onClose={() => setShowsFacts(false)}
          />
        </div>
      </div>
    </SessionFacts>
  );
}
