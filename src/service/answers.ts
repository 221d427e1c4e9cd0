// What the service says when it cannot give verdicts: a status, and one object with a code and a message.
import type { FastifyReply } from "fastify";
import { FlowglyphError } from "../../bindings/errors.ts";

/** Bodies that may be captures, plain or compressed. */
export const CAPTURE_TYPES = [
  "application/octet-stream",
  "application/vnd.tcpdump.pcap",
  "application/x-pcap",
  "application/x-pcapng",
  "application/gzip",
  "application/zstd",
  "application/x-xz",
];

export interface Answer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

class TooLarge extends Error {}
class Busy extends Error {}

export function busy(maxJobs: number, memoryBytes: number): Error {
  return new Busy(
    `Expected at most ${maxJobs} captures at a time and ${memoryBytes} bytes of memory: try again later`,
  );
}

export function tooLarge(maxBytes: number): Error {
  return new TooLarge(`Expected a capture of at most ${maxBytes} bytes`);
}

/** What an error is to the one who sent the capture; what is our own fault is told in general terms. */
export function answerOf(error: unknown): Answer {
  // A stream's own failure is the cause of what the reading says.
  const cause = error instanceof FlowglyphError ? error.cause : undefined;
  if (error instanceof TooLarge || cause instanceof TooLarge)
    return { status: 413, code: "ERR_TOO_LARGE", message: ((cause ?? error) as Error).message };
  if (error instanceof Busy) return { status: 503, code: "ERR_BUSY", message: error.message };
  const { name, code = "", message, statusCode } = error as Error & { code?: string; statusCode?: number };
  if (name === "TimeoutError")
    return { status: 408, code: "ERR_TIMEOUT", message: "The capture was not sent and classified in time" };
  if (error instanceof FlowglyphError) {
    if (code === "ERR_CAPTURE_FORMAT") return { status: 422, code, message };
    if (code === "ERR_IO") return { status: 400, code, message };
    // Closing, mostly.
    return { status: 503, code, message };
  }
  // Fastify's own: 415 for another type of body, 404, 400.
  if (statusCode !== undefined && statusCode < 500) return { status: statusCode, code, message };
  return { status: 500, code: "ERR_INTERNAL", message: "Something went wrong in the service" };
}

export function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, code, message } = answerOf(error);
  return reply.code(status).send({ code, message });
}
