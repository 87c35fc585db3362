// Which messages of a replay are shown.
import type { Message } from "../../lib/model";

export type View = "all" | "talk" | "tools" | "failed";

export function filterMessages(messages: Message[], view: View, text: string): Message[] {
  const wanted = text.trim().toLowerCase();
  if (view === "all" && !wanted) return messages;
  return messages.filter(
    (message) => isInView(message, view) && searchText(message).includes(wanted),
  );
}

function isInView(message: Message, view: View): boolean {
  switch (view) {
    case "all":
      return true;
    case "talk":
      return (
        message.kind === "prompt" ||
        message.blocks.some((block) => block.kind === "text" && block.text)
      );
    case "tools":
      return message.tool_calls.length > 0;
    case "failed":
      return (
        message.tool_calls.some((call) => call.is_error) ||
        Boolean(message.flags?.includes("api_error"))
      );
  }
}

const texts = new WeakMap<Message, string>();

function searchText(message: Message): string {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const parts = message.blocks.map((block) => block.text ?? "");
  for (const call of message.tool_calls) {
    parts.push(call.name ?? "", JSON.stringify(call.input), call.result ?? "");
  }
  const text = parts.join("\n").toLowerCase();
  texts.set(message, text);
  return text;
}

/** The prompt to go to from the message at `current` (an index), or -1. */
export function nextPrompt(messages: readonly Message[], current: number, step: 1 | -1): number {
  for (let i = current + step; i >= 0 && i < messages.length; i += step) {
    if (messages[i]?.kind === "prompt") return i;
  }
  return -1;
}
