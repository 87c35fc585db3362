// What a sign-in link says. The token may stand in the fragment (which no server ever sees) or,
// as in e-mails of hosted Supabase, in the query.

export const CONFIRM_PATH = "/auth/confirm";
const TYPES = ["magiclink", "email", "signup", "recovery", "invite"] as const;
export type LinkType = (typeof TYPES)[number];
export type SignInLink = { tokenHash: string; type: LinkType };

export function parseSignInLink(href: string): SignInLink | null {
  const url = new URL(href);
  if (url.pathname !== CONFIRM_PATH) return null;
  for (const part of [url.hash.slice(1), url.search.slice(1)]) {
    const params = new URLSearchParams(part);
    const tokenHash = params.get("token_hash");
    const type = TYPES.find((known) => known === (params.get("type") ?? "magiclink"));
    if (tokenHash && type) return { tokenHash, type };
  }
  return null;
}
