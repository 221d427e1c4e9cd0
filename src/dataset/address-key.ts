// IP addresses as text that is equal where the addresses are: for comparing what people write with what packets hold.
import { isIPv4, isIPv6 } from "node:net";

/** "4:" or "6:" and the address's bytes in hexadecimal. */
export type AddressKey = string;

/** The key of an address as text; undefined where it is none (zone ids included). */
export function addressKey(text: string): AddressKey | undefined {
  if (isIPv4(text)) return `4:${ipv4Bytes(text).toString("hex")}`;
  if (!isIPv6(text) || text.includes("%")) return undefined;
  // A dotted tail (RFC 4291 section 2.2) stands for the last two groups.
  const tail = /(?:^|:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  const plain =
    tail === undefined
      ? text
      : text.slice(0, -tail.length) +
        ipv4Bytes(tail)
          .toString("hex")
          .replace(/^(.{4})/, "$1:");
  const [head = "", rest] = plain.split("::");
  const groups = (part: string): string[] =>
    part === "" ? [] : part.split(":").map((group) => group.padStart(4, "0"));
  const [left, right] = [groups(head), groups(rest ?? "")];
  const zeros = new Array<string>(8 - left.length - right.length).fill("0000");
  return `6:${[...left, ...zeros, ...right].join("").toLowerCase()}`;
}

/** The key of row `row` in an address column (uint8 [count, 16], IPv4 in the first 4 bytes). */
export function addressKeyAt(ipVersion: number, column: Uint8Array, row: number): AddressKey {
  const bytes = column.subarray(row * 16, row * 16 + (ipVersion === 4 ? 4 : 16));
  return `${ipVersion}:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

const ipv4Bytes = (text: string): Buffer => Buffer.from(text.split(".").map(Number));
