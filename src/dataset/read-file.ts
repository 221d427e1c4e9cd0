// A whole file in one array. fs.readFile stops at 2 GiB, an array does not.
import { constants } from "node:buffer";
import { open } from "node:fs/promises";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";

const PIECE = 64 << 20;

/** @throws FlowglyphError ERR_IO */
export async function readWholeFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size > constants.MAX_LENGTH) throw new Error(`${size} bytes do not fit in one array`);
      const bytes = new Uint8Array(size);
      let filled = 0;
      while (filled < size) {
        const { bytesRead } = await file.read(bytes, filled, Math.min(PIECE, size - filled), filled);
        if (bytesRead === 0) throw new Error("it became shorter while it was read");
        filled += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new FlowglyphError("ERR_IO", `Cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}
