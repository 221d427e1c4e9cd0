// The HTTP service: a capture in, verdicts out as JSON Lines while it is still being sent. Also the example of embedding.
import { Readable } from "node:stream";
import fastify, { type FastifyInstance } from "fastify";
import type { CaptureSummary } from "../capture/index.ts";
import type { Classifier, VerdictBatch } from "../inference/index.ts";
import { JSON_LINES, verdictRows } from "../results/index.ts";
import { answerOf, busy, CAPTURE_TYPES, sendError, tooLarge } from "./answers.ts";
import { closeUnread } from "./linger.ts";
import { makeMetrics } from "./metrics.ts";
import { resolveServiceOptions, type ServiceOptions } from "./options.ts";

/** The classifier stays the caller's. `close()` lets the captures that were begun come to their ends. */
export function makeService(classifier: Classifier, options: ServiceOptions = {}): FastifyInstance {
  const { maxBytes, maxSeconds, maxJobs, memoryBytes, early, unknownBelow } = resolveServiceOptions(options);
  const metrics = makeMetrics();
  const app = fastify({ forceCloseConnections: "idle", requestTimeout: (maxSeconds + 5) * 1000 });
  let jobs = 0;

  // The body stays a stream; what is no capture's type is answered 415.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(CAPTURE_TYPES, (_request, payload, done) => done(null, payload));
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
  app.addHook("onRequest", async (request, reply) => closeUnread(request.raw, reply.raw));
  app.addHook("onResponse", async (request, reply) => {
    if (request.routeOptions.url === "/classify") metrics.requests.inc({ status: reply.statusCode });
  });

  app.get("/healthz", () => ({ status: "ok", jobs, classes: classifier.metadata.classes }));
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.register.contentType).send(await metrics.register.metrics()),
  );

  app.post("/classify", async (request, reply) => {
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    if (jobs >= maxJobs || process.memoryUsage.rss() > memoryBytes) {
      return sendError(reply.header("retry-after", 1), busy(maxJobs, memoryBytes));
    }
    metrics.jobs.set(++jobs);
    const finished = metrics.seconds.startTimer();
    const left = new AbortController();
    const late = AbortSignal.timeout(maxSeconds * 1000);
    let summary: CaptureSummary | undefined;
    const verdicts = classifier.classify(limited(request.body as Readable | undefined), {
      early,
      ordered: true,
      name: "body",
      memoryBytes: Math.max(1, Math.floor(memoryBytes / 2 / maxJobs)),
      signal: AbortSignal.any([left.signal, late]),
      onSummary: (read) => {
        summary = read;
      },
    });
    // Answered, or the other side has left: either way nothing of it stays.
    reply.raw.once("close", () => {
      left.abort();
      verdicts.return().catch(() => undefined);
      metrics.jobs.set(--jobs);
      finished();
    });

    async function* limited(body: Readable | undefined): AsyncGenerator<Uint8Array> {
      let bytes = 0;
      for await (const piece of body ?? []) {
        metrics.bytes.inc(piece.length);
        bytes += piece.length;
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        yield piece;
      }
    }

    // Every answer ends with one line of `summary`, or of `error`: one that has neither was cut off on its way.
    async function* lines(first: IteratorResult<VerdictBatch, void>): AsyncGenerator<string> {
      try {
        for (let next = first; !next.done; next = await verdicts.next()) {
          const rows = [...verdictRows(next.value, { unknownBelow })];
          for (const row of rows) metrics.sessions.inc({ class: row.class });
          yield JSON_LINES.rows(rows, {});
        }
        yield `${JSON.stringify({ summary })}\n`;
      } catch (error) {
        const { code, message } = answerOf(late.aborted ? late.reason : error);
        metrics.cut.inc({ code });
        yield `${JSON.stringify({ error: { code, message } })}\n`;
      }
    }

    try {
      // What goes wrong before the first verdict has a status of its own.
      const first = await verdicts.next();
      return reply.type("application/x-ndjson").send(Readable.from(lines(first)));
    } catch (error) {
      throw late.aborted ? late.reason : error;
    }
  });
  return app;
}
