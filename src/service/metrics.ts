// What the service counts, for Prometheus: its own, and those of every Node process (event loop, memory, garbage).
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export function makeMetrics() {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const registers = [register];
  return {
    register,
    requests: new Counter({
      name: "flowglyph_requests_total",
      help: "Captures that were sent, by the status of the answer",
      labelNames: ["status"] as const,
      registers,
    }),
    sessions: new Counter({
      name: "flowglyph_sessions_total",
      help: "Sessions with a verdict, by class",
      labelNames: ["class"] as const,
      registers,
    }),
    bytes: new Counter({
      name: "flowglyph_capture_bytes_total",
      help: "Bytes of captures that were received",
      registers,
    }),
    cut: new Counter({
      name: "flowglyph_answers_cut_total",
      help: "Answers that began well and end with an error, by its code",
      labelNames: ["code"] as const,
      registers,
    }),
    jobs: new Gauge({ name: "flowglyph_jobs", help: "Captures that are being classified", registers }),
    seconds: new Histogram({
      name: "flowglyph_job_seconds",
      help: "Time from the request to the end of its answer",
      buckets: [0.01, 0.05, 0.2, 1, 5, 20, 60, 300],
      registers,
    }),
  };
}
