// A capture that comes as a stream: its pieces go to native code as they come, and no more is taken from the stream than
// native code keeps up with. Nothing waits on a thread: a step is made when there is something to read.
import { Readable } from "node:stream";
import { type CaptureHandle, captureAddon } from "../../bindings/capture/addon.ts";
import { FlowglyphError, invalidArgument } from "../../bindings/errors.ts";

/** A capture's bytes, in pieces of any size: a Node or web stream, an async generator. */
export type CaptureBytes = AsyncIterable<Uint8Array>;

/** Captures by path (files, folders, patterns, `-`), or one that comes as a stream. */
export type CaptureSource = string | readonly string[] | CaptureBytes;

export function isCaptureBytes(source: unknown): source is CaptureBytes {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
}

// So much may wait to be read: a few steps' worth of packets, and little beside what sessions hold.
const MOST_WAITING_BYTES = 2 ** 20;

export interface PushedInput {
  /** Resolves when a step has something to do. ERR_IO where the stream failed, after what it gave was read. */
  ready(): Promise<void>;
  /** To be called after each step. */
  stepped(): void;
  /** Takes no more from the stream, and lets it go. */
  stop(): void;
}

export function pushInput(handle: CaptureHandle, source: CaptureBytes, name: string): PushedInput {
  const addon = captureAddon();
  const nothing = new Uint8Array();
  let waiting = 0;
  let over = false;
  let stopped = false;
  let failure: FlowglyphError | undefined;
  // One waits for bytes, the other for room: never both.
  let wakeReader = (): void => undefined;
  let wakePump = (): void => undefined;
  const iterator = source[Symbol.asyncIterator]();

  async function pump(): Promise<void> {
    try {
      while (!stopped) {
        const { value, done } = await iterator.next();
        if (stopped) return;
        if (done) break;
        if (!(value instanceof Uint8Array))
          throw invalidArgument("the stream", "one of Uint8Arrays", typeof value);
        waiting = addon.push(handle, value, false);
        wakeReader();
        while (waiting > MOST_WAITING_BYTES && !stopped) {
          await new Promise<void>((resolve) => {
            wakePump = resolve;
          });
        }
      }
      if (!stopped) addon.push(handle, nothing, true);
    } catch (cause) {
      // What a stream says of being let go is no failure of its own.
      if (stopped) return;
      failure =
        cause instanceof FlowglyphError
          ? cause
          : new FlowglyphError("ERR_IO", `Cannot read on in ${name}: ${(cause as Error).message}`, { cause });
    }
    over = true;
    wakeReader();
  }
  void pump();

  return {
    async ready() {
      while (waiting === 0 && !over && !stopped) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
      }
      if (failure && waiting === 0) throw failure;
    },
    stepped() {
      if (!stopped) waiting = addon.push(handle, nothing, false);
      wakePump();
    },
    stop() {
      stopped = true;
      wakeReader();
      wakePump();
      // An iterator that is in the middle of next() would hear of it only after that.
      if (source instanceof Readable) source.destroy();
      else void iterator.return?.().catch(() => undefined);
    },
  };
}
