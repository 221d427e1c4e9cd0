// What a batch job has done so far, in one file that is only ever appended to: the rows of each capture as they come, and a
// line under each capture that is finished. A capture without that line is done again, and what it had is not looked at: a
// job that dies at any point loses nothing that was finished, and nothing comes twice.
//   16 bytes before each record, little-endian: u32 length, u32 CRC-32 of what follows the 16 bytes, u32 kind, u32 capture;
//   kind 0, at the start: JSON, what made the rows. 1, a capture begins: JSON, which. 2: rows (frame.ts). 3, it is finished: JSON.
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { FlowglyphError } from "../../bindings/errors.ts";
import { systemReason } from "../system-error.ts";

const FORMAT = 1;
const HEAD_BYTES = 16;
const KIND = { header: 0, begin: 1, rows: 2, end: 3 } as const;
// A batch has at most 65,536 rows of some 150 bytes, and sequences of at most 1024 steps of 11.
const MOST_BYTES = 2 ** 30;
// Less than this of what nobody needs any more is not worth a copy.
const WORTH_COPYING_BYTES = 2 ** 20;

/** Where a record's contents lie. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

/** Which file, and in which state. */
export interface CaptureKey {
  /** Absolute. */
  readonly path: string;
  readonly size: number;
  /** Nanoseconds, in decimal. */
  readonly modified: string;
}

/** A capture that an earlier run finished. */
export interface FinishedCapture {
  readonly frames: readonly RecordPlace[];
  /** Of what `finish` was given, as JSON: read when it is wanted, for there may be a million of them. */
  readonly report: RecordPlace;
}

interface Scanned {
  readonly key: CaptureKey;
  readonly records: RecordPlace[];
  readonly frames: RecordPlace[];
  report: RecordPlace | undefined;
}

const nameOf = (key: CaptureKey): string => JSON.stringify([key.path, key.size, key.modified]);

export class Journal {
  readonly path: string;
  #file: FileHandle;
  #end = 0;
  #captures = 0;
  #newlyFinished = 0;
  #finished = new Map<string, FinishedCapture>();
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  readonly #durable: boolean;

  private constructor(path: string, file: FileHandle, durable: boolean) {
    this.path = path;
    this.#file = file;
    this.#durable = durable;
  }

  /**
   * A new journal, or with `resume` the one that is there, if rows of `origin` are in it.
   * `durable`: a finished capture also survives the machine's end, not only the process's. @throws ERR_IO
   */
  static async open(
    path: string,
    { origin, resume, durable }: { origin: string; resume: boolean; durable: boolean },
  ): Promise<Journal> {
    try {
      if (resume) {
        const former = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return undefined;
          throw error;
        });
        if (former !== undefined) {
          const journal = new Journal(path, former, durable);
          if (await journal.#readFormer(origin)) return journal;
          await former.close();
        }
      }
      const journal = new Journal(path, await open(path, "w+"), durable);
      await journal.#append(KIND.header, 0, jsonBytes({ format: FORMAT, origin }));
      return journal;
    } catch (cause) {
      throw refused(path, cause);
    }
  }

  /** How many captures of former runs it remembers. */
  get remembered(): number {
    return this.#finished.size;
  }

  /** How many captures are finished, in former runs and in this one. */
  get finishedCaptures(): number {
    return this.#finished.size + this.#newlyFinished;
  }

  /** What a former run had of this very file. */
  finished(key: CaptureKey): FinishedCapture | undefined {
    return this.#finished.get(nameOf(key));
  }

  /** Begins a capture; its number. */
  async begin(key: CaptureKey): Promise<number> {
    const capture = ++this.#captures;
    await this.#append(KIND.begin, capture, jsonBytes(key));
    return capture;
  }

  /** Adds rows of a capture that was begun. */
  append(capture: number, frame: Uint8Array): Promise<RecordPlace> {
    return this.#append(KIND.rows, capture, frame);
  }

  /** A capture is finished, for good once this resolves; `report` is JSON. */
  async finish(capture: number, report: unknown): Promise<void> {
    await this.#append(KIND.end, capture, jsonBytes(report));
    if (this.#durable) await this.#sync();
    this.#newlyFinished++;
  }

  /** The contents of a record, in a buffer of their own. @throws ERR_IO */
  async read({ offset, length }: RecordPlace): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    try {
      await readFully(this.#file, bytes, offset);
    } catch (cause) {
      throw new FlowglyphError("ERR_IO", `Cannot read ${this.path}: ${systemReason(cause)}`, { cause });
    }
    return bytes;
  }

  /** What `finish` was given. */
  async report({ report }: FinishedCapture): Promise<unknown> {
    return parseJson(await this.read(report));
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#syncing?.catch(() => undefined);
    await this.#file.close();
  }

  /** Closes it, and takes the file away. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }

  /** One after the other, so that what is whole is a beginning of the file. */
  #append(kind: number, capture: number, contents: Uint8Array): Promise<RecordPlace> {
    const place = { offset: this.#end + HEAD_BYTES, length: contents.length };
    this.#end += HEAD_BYTES + contents.length;
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(contents.length, 0);
    head.writeUInt32LE(crc32(contents), 4);
    head.writeUInt32LE(kind, 8);
    head.writeUInt32LE(capture, 12);
    const written = this.#writing.then(async () => {
      await writeFully(this.#file, head, place.offset - HEAD_BYTES);
      await writeFully(this.#file, contents, place.offset);
    });
    this.#writing = written;
    written.catch(() => undefined);
    return written.then(
      () => place,
      (cause) => {
        throw refused(this.path, cause);
      },
    );
  }

  /** Captures that are finished at the same time share one. */
  #sync(): Promise<void> {
    this.#syncing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
      this.#syncing = undefined;
      try {
        await this.#file.datasync();
      } catch (cause) {
        throw refused(this.path, cause);
      }
    });
    return this.#syncing;
  }

  /** Takes over what is whole; false where it is of something else. */
  async #readFormer(origin: string): Promise<boolean> {
    const captures = new Map<number, Scanned>();
    let known = false;
    for await (const { kind, capture, place, contents } of records(this.#file)) {
      if (place.offset === HEAD_BYTES) {
        const header = parseJson(contents) as { format?: number; origin?: string } | undefined;
        known = kind === KIND.header && header?.format === FORMAT && header.origin === origin;
        if (!known) return false;
      } else if (kind === KIND.begin) {
        const key = parseJson(contents) as CaptureKey;
        captures.set(capture, { key, records: [place], frames: [], report: undefined });
      } else {
        const scanned = captures.get(capture);
        scanned?.records.push(place);
        if (kind === KIND.rows) scanned?.frames.push(place);
        else if (scanned) scanned.report = place;
      }
      this.#captures = Math.max(this.#captures, capture);
      this.#end = place.offset + place.length;
    }
    if (!known) return false;
    await this.#file.truncate(this.#end);
    for (const { key, frames, report } of captures.values()) {
      if (report !== undefined) this.#finished.set(nameOf(key), { frames, report });
    }
    await this.#compact(origin, captures);
    return true;
  }

  /** Copies what is still needed where most is not: captures that were not finished, and former states of files. */
  async #compact(origin: string, captures: ReadonlyMap<number, Scanned>): Promise<void> {
    const needed = [...captures.values()].filter(
      ({ key, report }) => report !== undefined && this.#finished.get(nameOf(key))?.report === report,
    );
    const bytesOf = (places: readonly RecordPlace[]) =>
      places.reduce((sum, { length }) => sum + HEAD_BYTES + length, 0);
    const live = needed.reduce((sum, scanned) => sum + bytesOf(scanned.records), 0);
    if (this.#end - live < Math.max(live, WORTH_COPYING_BYTES)) return;
    const path = `${this.path}.partial`;
    const copy = new Journal(path, await open(path, "w+"), false);
    await copy.#append(KIND.header, 0, jsonBytes({ format: FORMAT, origin }));
    for (const { key, frames, report } of needed) {
      const capture = await copy.begin(key);
      const places: RecordPlace[] = [];
      for (const frame of frames) places.push(await copy.append(capture, await this.read(frame)));
      const end = await copy.#append(KIND.end, capture, await this.read(report!));
      copy.#finished.set(nameOf(key), { frames: places, report: end });
    }
    await copy.#file.datasync();
    await rename(path, this.path);
    await this.#file.close();
    this.#file = copy.#file;
    this.#end = copy.#end;
    this.#captures = copy.#captures;
    this.#finished = copy.#finished;
  }
}

interface JournalRecord {
  readonly kind: number;
  readonly capture: number;
  readonly place: RecordPlace;
  readonly contents: Uint8Array;
}

/** The records of a file up to the first that is not whole. */
async function* records(file: FileHandle): AsyncGenerator<JournalRecord, void, void> {
  const { size } = await file.stat();
  const head = Buffer.alloc(HEAD_BYTES);
  for (let at = 0; at + HEAD_BYTES <= size; ) {
    await readFully(file, head, at);
    const place = { offset: at + HEAD_BYTES, length: head.readUInt32LE(0) };
    if (place.length > MOST_BYTES || place.offset + place.length > size) return;
    const contents = new Uint8Array(place.length);
    await readFully(file, contents, place.offset);
    if (crc32(contents) !== head.readUInt32LE(4)) return;
    yield { kind: head.readUInt32LE(8), capture: head.readUInt32LE(12), place, contents };
    at = place.offset + place.length;
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new Error("it has become shorter");
    done += bytesRead;
  }
}

const jsonBytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function refused(path: string, cause: unknown): FlowglyphError {
  return new FlowglyphError("ERR_IO", `Cannot write ${path}: ${systemReason(cause)}`, { cause });
}
