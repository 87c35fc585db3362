/**
 * A function that may be called any number of times: `work` runs once per `waitMs` at most, never
 * twice at a time, and always once more after the last call. Calls do not push it further away.
 */
export function coalesce(
  work: () => Promise<unknown>,
  waitMs: number,
): { call: () => void; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let again = false;

  async function run(): Promise<void> {
    timer = undefined;
    running = true;
    again = false;
    try {
      await work();
    } finally {
      running = false;
      if (again) call();
    }
  }

  function call(): void {
    if (running) again = true;
    else timer ??= setTimeout(() => void run(), waitMs);
  }

  function cancel(): void {
    clearTimeout(timer);
    timer = undefined;
    again = false;
  }

  return { call, cancel };
}
