// Verdicts over HTTP.
export type { ServiceOptions } from "./options.ts";
export { makeService } from "./service.ts";
