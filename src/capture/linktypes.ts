// Names of link types, as core has them.
import { captureAddon } from "../../bindings/capture/addon.ts";

let names: Readonly<Record<number, string>> | undefined;

/** The name of a LINKTYPE_ number without that prefix (`ETHERNET`); undefined where we do not know the link type. */
export function linktypeName(number: number): string | undefined {
  names ??= captureAddon().names().linktypes;
  return names[number];
}
