// Ctrl-C, counted. The first ends live input, where that is what is read, so that the sessions that are still open are not
// lost; the next one stops what is under way in good order, and one more at once.
import type { Terminal } from "./terminal.ts";

export interface Interrupt {
  /** Stops what is under way. */
  readonly signal: AbortSignal;
  /** Ends live input where it is. */
  readonly finishSignal: AbortSignal;
  /**
   * From now on the first Ctrl-C ends the input. In `tcpdump -w - | flowglyph -` it reaches both: tcpdump then writes what it
   * still holds, for which `graceMs` is waited.
   */
  finishFirst(graceMs: number): void;
  /** To be called at each Ctrl-C. */
  interrupted(): void;
}

export function makeInterrupt(terminal: Terminal, exit: () => void): Interrupt {
  const stop = new AbortController();
  const finish = new AbortController();
  let graceMs: number | undefined;
  let finishing = false;
  return {
    signal: stop.signal,
    finishSignal: finish.signal,
    finishFirst(milliseconds) {
      graceMs = milliseconds;
    },
    interrupted() {
      if (stop.signal.aborted) exit();
      else if (graceMs !== undefined && !finishing) {
        finishing = true;
        terminal.note("Ending the input (Ctrl-C again to stop).");
        // Reading keeps the process alive for as long as there is something to finish.
        setTimeout(() => finish.abort(), graceMs).unref();
      } else {
        terminal.note("Stopping (Ctrl-C again to stop at once).");
        stop.abort();
      }
    },
  };
}
