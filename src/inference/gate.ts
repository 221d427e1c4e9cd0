// Keeps a thread from being ended inside ONNX Runtime. onnxruntime-node 1.30 raises a C++ exception that nothing catches
// when its thread is terminated during one of its calls, and that aborts the whole process (measured: every time).
// The thread passes the gate around each call; who is about to end the thread closes the gate, and waits for the call.

const OPEN = 0;
const PASSING = 1;
const CLOSED = 2;
const LONGEST_CALL_MS = 30_000;

export function makeGate(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Runs `call` inside the gate; never goes on where the gate is closed, for the thread is about to end. */
export async function passGate<T>(gate: Int32Array | undefined, call: () => Promise<T>): Promise<T> {
  if (gate === undefined) return call();
  if (Atomics.compareExchange(gate, 0, OPEN, PASSING) === CLOSED) return new Promise<never>(() => undefined);
  try {
    return await call();
  } finally {
    Atomics.store(gate, 0, OPEN);
    Atomics.notify(gate, 0);
  }
}

/** Closes the gate for good. Blocks the calling thread while a call is inside, at most one batch. */
export function closeGate(gate: Int32Array): void {
  const deadline = performance.now() + LONGEST_CALL_MS;
  while (Atomics.compareExchange(gate, 0, OPEN, CLOSED) === PASSING && performance.now() < deadline) {
    Atomics.wait(gate, 0, PASSING, 1000);
  }
}
