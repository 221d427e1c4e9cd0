// What is left of a request that was answered before it was sent to its end.
import type { IncomingMessage, ServerResponse } from "node:http";

const LINGER_MS = 5000;

/**
 * Closes the connection of such a request some time after the answer. Not at once: that would throw away the answer which
 * the other side, still sending, has not read. The timer keeps the process: a connection that nobody reads from does not, and
 * a server that is closing waits for it.
 */
export function closeUnread(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  response.once("close", () => {
    if (request.complete || socket.destroyed) return;
    request.resume();
    const timer = setTimeout(() => {
      if (!request.complete) socket.destroy();
    }, LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
  });
}
