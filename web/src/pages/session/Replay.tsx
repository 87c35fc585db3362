// The messages of a session on one scrolling trace; only those in view exist in the page.
import { useLocation } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { ArrowDownIcon } from "../../components/icons";
import { useKeys } from "../../lib/hooks";
import type { Message, Session } from "../../lib/model";
import type { ReplayState } from "../../lib/replay-loader";
import { MessageItem, messageHash } from "./MessageItem";
import { OpenStateContext } from "./open-state";
import { ReplayToolbar } from "./ReplayToolbar";
import { filterMessages, nextPrompt, type View } from "./replay-filter";
import type { Replay as ReplayMemory } from "./use-replay";

type Props = { replay: ReplayMemory; state: ReplayState; session: Session; isLive: boolean };

/** Within this distance of the end the view follows new messages. */
const END_PX = 80;
const TOP_PX = 12;
const ESTIMATED_PX: Record<Message["kind"], number> = {
  prompt: 90,
  answer: 70,
  injected: 36,
  compaction: 36,
  notice: 36,
  unknown: 36,
};

export function Replay({ replay, state, session, isLive }: Props) {
  const [text, setText] = useState("");
  const [view, setView] = useState<View>("all");
  const [marked, setMarked] = useState<string | null>(null);
  // Only a reader who went to the end follows it; a short session must not open at its end.
  const [follows, setFollows] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  const wanted = useDeferredValue(text);
  const messages = useMemo(
    () => filterMessages(state.messages, view, wanted),
    [state.messages, view, wanted],
  );
  const virtual = useVirtualizer({
    count: messages.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => ESTIMATED_PX[messages[index]?.kind ?? "answer"],
    getItemKey: (index) => messages[index]?.id ?? index,
    overscan: 8,
    paddingStart: TOP_PX,
    paddingEnd: 48,
    scrollPaddingStart: TOP_PX,
    initialOffset: replay.scroll?.offset ?? 0,
    initialMeasurementsCache: replay.scroll?.sizes ?? [],
    anchorTo: follows ? "end" : "start",
    followOnAppend: follows,
    scrollEndThreshold: END_PX,
  });

  useLayoutEffect(
    () => () => {
      replay.scroll = { offset: virtual.scrollOffset ?? 0, sizes: virtual.takeSnapshot() };
    },
    [replay, virtual],
  );

  function goToPrompt(step: 1 | -1) {
    const offset = (virtual.scrollOffset ?? 0) + TOP_PX + 1;
    const top = virtual.getVirtualItemForOffset(offset);
    if (!top) return;
    // From the middle of a long prompt, "previous" is its own beginning.
    const isInside = step === -1 && offset - top.start > TOP_PX + 8;
    const index = nextPrompt(messages, isInside ? top.index + 1 : top.index, step);
    if (index < 0) return;
    setMarked(messages[index]?.id ?? null);
    virtual.scrollToIndex(index, { align: "start" });
  }
  useKeys({
    j: () => goToPrompt(1),
    k: () => goToPrompt(-1),
    // The browser's own smooth way there is thrown off when rows above turn out taller.
    Home: () => virtual.scrollToOffset(0),
    End: () => virtual.scrollToEnd(),
  });

  const hash = useLocation({ select: (location) => location.hash });
  const linked = useMemo(
    () => messages.findIndex((message) => messageHash(message.id) === hash),
    [messages, hash],
  );
  const arrived = useRef(replay.scroll ? hash : "");
  useEffect(() => {
    if (linked < 0 || arrived.current === hash) return;
    arrived.current = hash;
    setMarked(messages[linked]?.id ?? null);
    virtual.scrollToIndex(linked, { align: "center" });
  }, [linked, hash, messages, virtual]);

  // Somebody who opens a session that is under way wants to see what happens now.
  const startsAtEnd = useRef(isLive && !hash && !replay.scroll);
  useEffect(() => {
    if (!state.complete || !startsAtEnd.current) return;
    startsAtEnd.current = false;
    setFollows(true);
    virtual.scrollToEnd();
  }, [state.complete, virtual]);

  const isAtEnd = virtual.isAtEnd(END_PX);
  return (
    <OpenStateContext value={replay.open}>
      <section className="replay" aria-label="Replay">
        <ReplayToolbar
          text={text}
          view={view}
          shown={messages.length}
          loaded={state.messages.length}
          total={session.message_count}
          isComplete={state.complete}
          onText={setText}
          onView={setView}
          onPrompt={goToPrompt}
        />
        <div
          className="replay-scroll"
          ref={scroller}
          tabIndex={0}
          data-testid="replay"
          onScroll={(event) => setFollows(isNearEnd(event.currentTarget))}
        >
          <div className="replay-sizer" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map(({ index, key, start }) => {
              const message = messages[index];
              return (
                message && (
                  <div
                    key={key}
                    data-index={index}
                    ref={virtual.measureElement}
                    className="replay-slot"
                    style={{ transform: `translateY(${start}px)` }}
                  >
                    <MessageItem
                      message={message}
                      isMarked={message.id === marked}
                      startsTurn={startsTurn(messages, index)}
                    />
                  </div>
                )
              );
            })}
          </div>
          {state.complete && messages.length === 0 && (
            <p className="replay-empty" data-testid="replay-empty">
              {state.messages.length > 0
                ? "No message matches the filter."
                : "No messages are stored for this session."}
            </p>
          )}
        </div>
        {!isAtEnd && messages.length > 0 && (
          <button type="button" className="button to-latest" onClick={() => virtual.scrollToEnd()}>
            <ArrowDownIcon /> {isLive ? "Jump to latest" : "Jump to the end"}
          </button>
        )}
      </section>
    </OpenStateContext>
  );
}

function isNearEnd(element: HTMLElement): boolean {
  return element.scrollHeight - element.scrollTop - element.clientHeight <= END_PX;
}

/** Answers that follow each other are one turn; only the first is labelled. */
function startsTurn(messages: readonly Message[], index: number): boolean {
  const before = messages[index - 1];
  const message = messages[index];
  return before?.kind !== message?.kind || before?.model !== message?.model;
}
