// What every page needs, made once at start.
import { createContext, useContext } from "react";
import type { Api } from "./api";
import type { Auth } from "./auth";
import type { Config } from "./config";
import type { Live } from "./live";

export type Services = { config: Config; auth: Auth; api: Api; live: Live };

export const ServicesContext = createContext<Services | null>(null);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (!services) throw new Error("ServicesContext is missing");
  return services;
}
