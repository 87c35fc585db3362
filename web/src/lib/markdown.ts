// The only way from transcript text to HTML. Raw HTML in the text is shown as text; what the renderer
// makes is sanitised again; links lead to the web or a mail program only; no image is ever loaded.
import DOMPurify from "dompurify";
import { Marked, type Tokens } from "marked";
import { highlight } from "./highlight";

const SAFE_LINK = /^(?:https?:\/\/|mailto:)/i;
const CACHED = 400;
const cache = new Map<string, string>();

const SANITIZE = {
  ALLOWED_TAGS: [
    ..."a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong".split(" "),
    ..."table tbody td th thead tr ul".split(" "),
  ],
  ALLOWED_ATTR: ["align", "class", "href", "start", "title"],
  ALLOWED_URI_REGEXP: SAFE_LINK,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("rel", "noopener noreferrer");
  node.setAttribute("target", "_blank");
});

const marked = new Marked({
  gfm: true,
  renderer: {
    html({ text }: Tokens.HTML | Tokens.Tag) {
      return `<span class="md-raw">${escapeHtml(text)}</span>`;
    },
    link({ href, title, tokens }: Tokens.Link) {
      return anchor(href, this.parser.parseInline(tokens), title);
    },
    image({ href, title, text }: Tokens.Image) {
      return anchor(href, `[image] ${escapeHtml(text)}`, title);
    },
    code({ text, lang }: Tokens.Code) {
      const language = (lang ?? "").split(/[\s,{]/, 1)[0]?.toLowerCase() ?? "";
      return `<pre><code class="hljs">${highlight(text, language) ?? escapeHtml(text)}</code></pre>`;
    },
    checkbox({ checked }: Tokens.Checkbox) {
      return checked ? "☑ " : "☐ ";
    },
  },
});

function anchor(href: string, inner: string, title: string | null | undefined): string {
  if (SAFE_LINK.test(href)) {
    return `<a href="${escapeHtml(href)}" title="${escapeHtml(title ?? href)}">${inner}</a>`;
  }
  const target = escapeHtml(href);
  return inner === target ? inner : `${inner} <span class="md-raw">(${target})</span>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** Sanitised HTML of Markdown text. */
export function renderMarkdown(text: string): string {
  return cached(`md:${text}`, () => marked.parse(text, { async: false }));
}

/** Sanitised HTML of code, coloured when the language is known. */
export function renderCode(code: string, language: string): string {
  return cached(`${language}:${code}`, () => highlight(code, language) ?? escapeHtml(code));
}

function cached(key: string, render: () => string): string {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const html = DOMPurify.sanitize(render(), SANITIZE);
  const oldest = cache.keys().next().value;
  if (cache.size >= CACHED && oldest !== undefined) cache.delete(oldest);
  cache.set(key, html);
  return html;
}
