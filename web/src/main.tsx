import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/shell.css";
import "./styles/sign-in.css";
import "./styles/sessions.css";
import "./styles/session-table.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { ErrorPanel } from "./components/Parts";
import { Api } from "./lib/api";
import { Auth } from "./lib/auth";
import { makeClient } from "./lib/client";
import { isAnswering, loadConfig } from "./lib/config";
import { Live } from "./lib/live";
import { makeQueryClient } from "./lib/queries";
import { ServicesContext } from "./lib/services";

const CONFIG_RETRY_MS = 3000;
const root = createRoot(document.getElementById("root") as HTMLElement);

async function start(): Promise<void> {
  try {
    const config = await loadConfig();
    const client = makeClient(config);
    const auth = new Auth(client, () => isAnswering(config));
    const api = new Api(client, () => void auth.recover());
    const services = { config, auth, api, live: new Live(client) };
    void auth.start();
    root.render(
      <StrictMode>
        <ServicesContext value={services}>
          <QueryClientProvider client={makeQueryClient()}>
            <App />
          </QueryClientProvider>
        </ServicesContext>
      </StrictMode>,
    );
  } catch (error) {
    const timer = setTimeout(() => void start(), CONFIG_RETRY_MS);
    const retry = () => {
      clearTimeout(timer);
      void start();
    };
    root.render(<ErrorPanel error={error} onRetry={retry} />);
  }
}

void start();
