// The only components that put HTML into the page; what they put in comes from the sanitiser.
import { memo } from "react";
import { renderCode, renderMarkdown } from "../lib/markdown";

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="md" dir="auto" dangerouslySetInnerHTML={{ __html: renderMarkdown(text) }} />
  );
});

export const Code = memo(function Code({ text, language }: { text: string; language: string }) {
  return (
    <pre className="code">
      <code className="hljs" dangerouslySetInnerHTML={{ __html: renderCode(text, language) }} />
    </pre>
  );
});
