// Capture files in, batches of sessions out, as an async iterable.
import type { Step } from "../../bindings/capture/addon.ts";
import {
  type BatchColumns,
  type BatchLayout,
  batchColumns,
  batchLayout,
} from "../../bindings/capture/batch.ts";
import { formatAddress } from "./address.ts";
import { expandInputs } from "./inputs.ts";
import { type CaptureOptions, type ResolvedCaptureOptions, resolveCaptureOptions } from "./options.ts";
import { type CaptureSource, isCaptureBytes } from "./pushed-input.ts";
import { abortedBy, openReader } from "./reader.ts";

/**
 * `count` ended sessions: images and columns, row by row. All columns are views of one ArrayBuffer that holds this batch
 * alone; it stays valid for as long as it is kept, and may be transferred to a worker thread as a whole.
 */
export interface SessionBatch extends BatchColumns {
  readonly count: number;
  /** Steps of a row of the sequence columns: as many as `CaptureOptions.sequence` asked for. */
  readonly sequence: number;
  /** The capture files; `captureGroup` is an index into it. */
  readonly captures: readonly string[];
}

/**
 * The sessions of captures, in batches, each as soon as `batchSize` sessions have ended: capture by capture, in the order
 * in which they end. While the consumer works on a batch, the next one is read on another thread.
 * Leaving the loop, by `break` or by an error, frees the native reader.
 *
 * Live input (`-` from a pipe, a named pipe, a terminal): a batch holds what has ended so far, at most about 200 ms after
 * the packet that ended it was read, so batches are as small as the traffic is slow. What ends a session is capture time
 * alone, the timestamps of the packets: one whose idle timeout has passed comes out when the next packet arrives, whichever
 * session that belongs to, and on a link that has fallen silent it waits for one, or for the end of the input.
 * `tcpdump -w -` holds packets back until its buffer is full; `tcpdump -U -w -` does not.
 * Waiting can be ended at any time: by `signal`, and by terminating the worker thread that waits. `finishSignal` ends the
 * input instead: the sessions that are still open come out as at its end. So do captures that are followed (`follow`) end.
 *
 * @param captures files, folders (the captures below them), patterns, `-` for standard input; or one capture as a stream
 * @throws FlowglyphError ERR_ARGUMENT at once; while iterating ERR_IO (not there, not readable), ERR_CAPTURE_FORMAT (not a
 *   capture), ERR_ABORTED. Damaged packets are no errors: `inspect` counts them.
 */
export function sessions(
  captures: CaptureSource,
  options?: CaptureOptions,
): AsyncGenerator<SessionBatch, void, void> {
  return iterate(captures, resolveCaptureOptions(options));
}

async function* iterate(
  inputs: CaptureSource,
  options: ResolvedCaptureOptions,
): AsyncGenerator<SessionBatch, void, void> {
  for await (const memory of batchMemories(inputs, options)) yield viewBatch(memory);
}

/** A batch as it left native code: memory, and where the columns are in it. */
export interface BatchMemory {
  readonly count: number;
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly layout: BatchLayout;
  readonly captures: readonly string[];
}

/** The batch that lies in `memory`; nothing is copied. */
export function viewBatch({ count, captures, buffer, byteOffset, layout }: BatchMemory): SessionBatch {
  const { width: sequence } = layout.sequenceLength;
  return { count, sequence, captures, ...batchColumns(buffer, byteOffset, layout, count) };
}

/** What `sessions` iterates over, for stages that send the memory of a batch elsewhere before they look at it. */
export async function* batchMemories(
  inputs: CaptureSource,
  options: ResolvedCaptureOptions,
): AsyncGenerator<BatchMemory, void, void> {
  const bytes = isCaptureBytes(inputs) ? inputs : undefined;
  const captures = isCaptureBytes(inputs) ? [options.name] : await expandInputs(inputs);
  const layout = batchLayout(options.batchSize, options.sequence);
  const reader = openReader(captures, options, false, bytes);
  try {
    let pending: Promise<Step> | undefined = reader.next();
    while (pending !== undefined) {
      const { count, buffer, byteOffset, done }: Step = await pending;
      if (done) options.onSummary?.(reader.summary());
      pending = done ? undefined : reader.next();
      // Its failure is the consumer's at the next turn, and nobody's when the consumer leaves.
      pending?.catch(() => undefined);
      if (buffer === undefined || byteOffset === undefined) continue;
      yield { count, buffer, byteOffset, layout, captures };
      if (options.signal?.aborted) throw abortedBy(options.signal);
    }
  } finally {
    await reader.close();
  }
}

/** The address of a session's initiator or responder as text; IPv6 as RFC 5952. */
export function sessionAddress(
  batch: Pick<SessionBatch, "ipVersion" | "initiatorAddress" | "responderAddress">,
  side: "initiator" | "responder",
  row: number,
): string {
  const column = side === "initiator" ? batch.initiatorAddress : batch.responderAddress;
  return formatAddress(batch.ipVersion[row]!, column, row);
}
