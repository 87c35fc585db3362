// What went wrong with a request, in words a reader can act on.

export class ApiError extends Error {
  readonly status: number;
  readonly hint: string | null;

  constructor(message: string, status: number, hint: string | null = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.hint = hint;
  }

  /** The server did not answer at all. */
  get isUnreachable(): boolean {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }

  get isUnauthorized(): boolean {
    return this.status === 401;
  }
}

export function describeError(error: unknown): { title: string; detail: string } {
  if (error instanceof ApiError && error.isUnreachable) {
    return {
      title: "The tracer does not answer",
      detail:
        "Check that it is running (claude-tracer status), or start it with claude-tracer start.",
    };
  }
  if (error instanceof ApiError) {
    return {
      title: error.message,
      detail: error.hint ?? `The server answered with status ${error.status}.`,
    };
  }
  return {
    title: "Something went wrong",
    detail: error instanceof Error ? error.message : String(error),
  };
}
