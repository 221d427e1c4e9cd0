// A peer's process: started once, asked one thing at a time, idle while others are asked.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Figures, Losses, Phase } from "./peer-server.ts";

export interface PeerRow {
  readonly name: string;
  /** What it does, for the table's legend. */
  readonly does: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes no part in epochs: too slow. */
  readonly stepsAlone?: boolean;
}

export class Peer {
  readonly row: PeerRow;
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;
  #errors = "";
  version = "";

  private constructor(row: PeerRow) {
    this.row = row;
    const [program, ...rest] = row.command;
    this.#process = spawn(program!, rest, {
      env: { ...process.env, ...row.environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process.stderr!.on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    // A peer that died is told by the answer that does not come.
    this.#process.stdin!.on("error", () => {});
    this.#process.on("error", (error) => {
      this.#errors += error.message;
    });
    this.#lines = createInterface({ input: this.#process.stdout! });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Throws with what it said where it does not start. */
  static async start(row: PeerRow): Promise<Peer> {
    const peer = new Peer(row);
    peer.version = ((await peer.#answer()) as { version: string }).version;
    return peer;
  }

  async check(): Promise<Losses> {
    return (await this.#ask({ do: "check" })) as Losses;
  }
  async run(phase: Phase, steps: number | undefined): Promise<Figures> {
    return (await this.#ask({ do: "run", phase, ...(steps === undefined ? {} : { steps }) })) as Figures;
  }
  async memory(): Promise<{ rss: number; peak: number }> {
    return (await this.#ask({ do: "memory" })) as { rss: number; peak: number };
  }

  stop(): void {
    this.#process.stdin!.end();
    this.#lines.close();
    this.#process.kill();
  }

  #ask(command: object): Promise<unknown> {
    this.#process.stdin!.write(`${JSON.stringify(command)}\n`);
    return this.#answer();
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#answers.next();
    if (done)
      throw new Error(
        `${this.row.name} ended: ${
          this.#errors
            .trim()
            .split("\n")
            .find((line) => line.includes("Error")) ?? this.#errors.trim()
        }`,
      );
    return JSON.parse(value);
  }
}
