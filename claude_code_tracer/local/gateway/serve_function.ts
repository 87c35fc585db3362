// Serves one edge function, and ends when the gateway does: the gateway holds the other end of
// standard input. The function's module is the only argument.
const { default: edgeFunction } = await import(Deno.args[0]);

(async () => {
  const buffer = new Uint8Array(64);
  while ((await Deno.stdin.read(buffer)) !== null);
  Deno.exit(0);
})();

export default { fetch: (request: Request) => edgeFunction.fetch(request) };
