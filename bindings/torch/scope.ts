// Disposal by scope, and switching gradients off. Both are stacks of this thread: their callbacks must be synchronous.

import { FlowglyphError } from "../errors.ts";
import { torch } from "./native.ts";

/** What a scope can hold: anything that lets go of native memory. */
interface Disposable {
  dispose(): void;
}

const scopes: Set<Disposable>[] = [];

/** Enters a value into the innermost open scope, if there is one. */
export function register(value: Disposable): void {
  scopes.at(-1)?.add(value);
}

/** Takes a value out of every open scope: it lives until it is disposed or garbage collected. */
export function unregister(value: Disposable): void {
  for (const scope of scopes) {
    scope.delete(value);
  }
}

function refuseAsync(result: unknown, name: string): void {
  if (result instanceof Promise) {
    throw new FlowglyphError(
      "ERR_ARGUMENT",
      `Expected the callback of ${name} to be synchronous but received one that returns a promise`,
    );
  }
}

/** The members of `scope` within a returned value: itself, or inside arrays, maps and plain objects. */
function collectKept(value: unknown, scope: ReadonlySet<Disposable>, kept: Set<Disposable>): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    return;
  }
  if (scope.has(value as Disposable)) {
    kept.add(value as Disposable);
  } else if (Array.isArray(value)) {
    for (const member of value) {
      collectKept(member, scope, kept);
    }
  } else if (value instanceof Map) {
    collectKept([...value.values()], scope, kept);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    collectKept(Object.values(value), scope, kept);
  }
}

/**
 * Runs `body` and disposes every tensor made inside it, except those it returns (alone, or in arrays, maps and plain
 * objects), which move to the enclosing scope. `body` must be synchronous.
 */
export function scope<R>(body: () => R): R {
  const members = new Set<Disposable>();
  const kept = new Set<Disposable>();
  scopes.push(members);
  try {
    const result = body();
    refuseAsync(result, "scope");
    collectKept(result, members, kept);
    return result;
  } finally {
    scopes.pop();
    for (const member of members) {
      if (kept.has(member)) {
        register(member);
      } else {
        member.dispose();
      }
    }
  }
}

/** Runs `body` without recording for gradients. `body` must be synchronous. */
export function noGrad<R>(body: () => R): R {
  const native = torch();
  const before = native.gradEnabled();
  native.setGradEnabled(false);
  try {
    const result = body();
    refuseAsync(result, "noGrad");
    return result;
  } finally {
    native.setGradEnabled(before);
  }
}
