// Tells a run that takes too long from a process that was itself held up.

// The limit passes in parts. A process that was stopped, or whose event loop was blocked, misses most of them and counts one:
// answers that came meanwhile are read before the limit is up.
const PARTS = 8;

export interface Watch {
  /** From now on, anew. */
  begin(): void;
  end(): void;
}

/** Calls `overdue` once where `end` or another `begin` does not come within `seconds`. Keeps no process alive. */
export function makeWatch(seconds: number, overdue: () => void): Watch {
  let timer: NodeJS.Timeout | undefined;
  let passed = 0;
  function end(): void {
    clearInterval(timer);
    timer = undefined;
  }
  return {
    begin() {
      passed = 0;
      timer ??= setInterval(
        () => {
          if (++passed < PARTS) return;
          end();
          overdue();
        },
        (seconds * 1000) / PARTS,
      ).unref();
    },
    end,
  };
}
