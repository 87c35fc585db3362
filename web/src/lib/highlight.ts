// Syntax colours as class names (no inline style), for the languages agents write most.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = {
  bash,
  css,
  diff,
  go,
  javascript,
  json,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
};
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

/** Longer code is shown plain: colouring it would hold up the page. */
const MAX_CHARS = 20_000;

/** HTML of the code with its characters escaped, or null when there is nothing to colour it with. */
export function highlight(code: string, language: string): string | null {
  if (!hljs.getLanguage(language) || code.length > MAX_CHARS) return null;
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
