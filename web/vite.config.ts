import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

// In development the API answers from a running tracer; it only accepts its own origin.
export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, ".", "CLAUDE_TRACER_").CLAUDE_TRACER_URL ?? "http://127.0.0.1:8420";
  const proxied = { target, changeOrigin: true, ws: true, headers: { origin: target } };
  return {
    plugins: [react()],
    // A data: URL for a small asset would not pass the page's content security policy.
    build: {
      target: "es2022",
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 700,
      modulePreload: { polyfill: false },
    },
    server: {
      proxy: Object.fromEntries(
        ["/config.json", "/rest/v1", "/auth/v1", "/realtime/v1", "/functions/v1"].map((path) => [
          path,
          proxied,
        ]),
      ),
    },
  };
});
