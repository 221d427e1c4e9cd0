import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { parse } from "csv-parse/sync";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { describe, expect, it } from "vitest";
import { addressKey } from "../../src/dataset/address-key.ts";
import { parseLabels, ruleLabeller } from "../../src/dataset/labels.ts";
import {
  checkVerdictPath,
  formatTime,
  openVerdictWriter,
  UNKNOWN,
  VERDICT_COLUMNS,
  type VerdictRow,
} from "../../src/results/index.ts";
import { nanoseconds } from "../../src/results/parquet.ts";
import { tempFolder } from "../support/temp-folder.ts";

function verdict(i: number): VerdictRow {
  return {
    capture: "day 1/a,b.pcap",
    protocol: i % 2 ? "udp" : "tcp",
    initiator_address: i % 2 ? "2001:db8::1" : "10.0.0.1",
    initiator_port: 50_000 + (i % 10_000),
    responder_address: "192.0.2.7",
    responder_port: 65_535,
    start_time: formatTime(1_700_000_000_000_000_001n + BigInt(i)),
    end_time: formatTime(1_700_000_001_999_999_999n),
    initiator_packets: i,
    responder_packets: 4_000_000_000,
    initiator_bytes: 2 ** 53,
    responder_bytes: 0,
    end_reason: i % 2 ? "idleTimeout" : "rst",
    retransmissions: i,
    out_of_order: 4_294_967_295,
    gaps: 1,
    gap_bytes: 1460,
    initiator_tcp_flags: 255,
    responder_tcp_flags: 0,
    tunnel_depth: 2,
    class: i % 3 ? 'say "hi"\nChat' : "Größe",
    probability: 0.123456,
  };
}

async function written(ending: string, batches: VerdictRow[][], sequence = false): Promise<string> {
  const path = join(tempFolder(), `verdicts.${ending}`);
  const writer = await openVerdictWriter(path, { sequence });
  for (const batch of batches) await writer.write(batch);
  await writer.close();
  return path;
}

const rows = [verdict(0), verdict(1), verdict(2)];

describe("times", () => {
  it.each([
    [0n, "1970-01-01T00:00:00.000000000Z"],
    [1_456_833_600_123_456_789n, "2016-03-01T12:00:00.123456789Z"],
    [-1n, "1969-12-31T23:59:59.999999999Z"],
  ])("%s ns is %s, and back", (ns, text) => {
    expect(formatTime(ns)).toBe(text);
    expect(nanoseconds(text)).toBe(ns);
  });
});

describe("the verdict unknown", () => {
  const given = { ...verdict(0), class: "Chat", best_class: "Chat", probability: 0.9 };
  const unknown = { ...verdict(1), class: UNKNOWN, best_class: "Chat", probability: 0.4 };
  const path = (ending: string) => join(tempFolder(), `verdicts.${ending}`);
  const write = async (file: string): Promise<string> => {
    const writer = await openVerdictWriter(file, { unknown: true });
    await writer.write([given, unknown]);
    await writer.close();
    return file;
  };

  it("names the best class in a column of its own, in every format", async () => {
    const csv = readFileSync(await write(path("csv")), "utf8");
    const columns = [...VERDICT_COLUMNS];
    columns.splice(columns.indexOf("probability"), 0, "best_class");
    expect(csv.split("\n")[0]).toBe(columns.join(","));
    const lines = readFileSync(await write(path("jsonl")), "utf8")
      .trimEnd()
      .split("\n");
    const parquet = await parquetReadObjects({
      file: await asyncBufferFromFile(await write(path("parquet"))),
    });
    for (const back of [parse(csv, { columns: true }), lines.map((line) => JSON.parse(line)), parquet]) {
      expect((back as VerdictRow[]).map((row) => [row.class, row.best_class])).toEqual([
        ["Chat", "Chat"],
        ["unknown", "Chat"],
      ]);
    }
  });

  it("is no label where the file serves as labels", async () => {
    const file = await write(path("csv"));
    const rules = parseLabels(readFileSync(file, "utf8"), file);
    expect(rules.map((rule) => rule.class)).toEqual(["Chat"]);
    // A control: in a file that people wrote it may be a class like any other.
    expect(parseLabels("class,responder_port\nunknown,443\n", "labels.csv")).toHaveLength(1);
  });
});

describe("verdict files", () => {
  it("CSV: a header, quoted where needed, one row a session", async () => {
    const text = readFileSync(await written("csv", [rows.slice(0, 2), [], rows.slice(2)]), "utf8");
    expect(text.split("\n")[0]).toBe(VERDICT_COLUMNS.join(","));
    const back = parse(text, { columns: true }) as Record<string, string>[];
    expect(back).toEqual(
      rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, String(v)]))),
    );
  });

  it("JSON Lines: an object a line", async () => {
    const lines = readFileSync(await written("jsonl", [rows]), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line) as VerdictRow)).toEqual(rows);
  });

  it("Parquet: row groups as they fill, times in nanoseconds UTC", async () => {
    const many = Array.from({ length: 70_000 }, (_, i) => verdict(i));
    const path = await written("parquet", [many.slice(0, 66_000), many.slice(66_000)]);
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    expect(metadata.num_rows).toBe(70_000n);
    expect(metadata.row_groups.length).toBeGreaterThan(1);
    expect(metadata.schema.slice(1).map(({ name }) => name)).toEqual(VERDICT_COLUMNS);
    expect(metadata.schema.find(({ name }) => name === "start_time")?.logical_type).toEqual({
      type: "TIMESTAMP",
      isAdjustedToUTC: true,
      unit: "NANOS",
    });
    const raw = { timestampFromNanoseconds: (ns: bigint) => formatTime(ns) };
    const read = (await parquetReadObjects({
      file,
      rowStart: 65_990,
      rowEnd: 66_010,
      parsers: raw as never,
    })) as Record<string, unknown>[];
    const plain = read.map((row) =>
      Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === "bigint" ? Number(v) : v])),
    );
    expect(plain).toEqual(many.slice(65_990, 66_010));
  });

  const sequences: VerdictRow[] = [
    {
      sequence_count: 2,
      sequence_length: [60, 65_535],
      sequence_direction: [0, 1],
      sequence_gap_ns: [0, 1e12],
    },
    { sequence_count: 0, sequence_length: [], sequence_direction: [], sequence_gap_ns: [] },
    { sequence_count: 1, sequence_length: [1500], sequence_direction: [0], sequence_gap_ns: [0] },
  ].map((sequence, i) => ({ ...verdict(i), ...sequence }));

  it("sequences in Parquet are lists, in JSON Lines arrays", async () => {
    const parquet = await written("parquet", [sequences], true);
    const read = (await parquetReadObjects({ file: await asyncBufferFromFile(parquet) })) as Record<
      string,
      unknown[]
    >[];
    const names = ["sequence_count", "sequence_length", "sequence_direction", "sequence_gap_ns"] as const;
    for (const [i, row] of sequences.entries()) {
      for (const name of names)
        expect([read[i]![name]!].flat().map(Number), name).toEqual([row[name]!].flat());
    }
    const lines = readFileSync(await written("jsonl", [sequences], true), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line) as VerdictRow)).toEqual(sequences);
  });

  it("sequences in CSV are refused", async () => {
    const path = join(tempFolder(), "v.csv");
    const refused = /ends with \.jsonl, \.ndjson, \.parquet, \.arrow, which can hold sequences, but received/;
    await expect(checkVerdictPath(path, { sequence: true })).rejects.toThrow(refused);
    await expect(openVerdictWriter(path, { sequence: true })).rejects.toThrow(refused);
  });

  it("Arrow: record batches as they fill, each value and list as it was", { timeout: 240_000 }, async () => {
    const many = Array.from(
      { length: 70_000 },
      (_, i) => ({ ...verdict(i), ...sequences[i % 3] }) as VerdictRow,
    );
    const table = tableFromIPC(
      readFileSync(await written("arrow", [many.slice(0, 66_000), many.slice(66_000)], true)),
    );
    expect(table.numRows).toBe(70_000);
    expect(table.batches.length).toBeGreaterThan(1);
    const column = (name: string) => table.getChild(name)!;
    const times = column("start_time").data.flatMap(({ values }) => Array.from(values as BigInt64Array));
    for (const i of [0, 1, 2, 65_535, 65_999, 66_000, 69_999]) {
      expect(formatTime(times[i]!)).toBe(many[i]!.start_time);
      for (const [name, value] of Object.entries(many[i]!)) {
        const read = column(name).get(i);
        if (Array.isArray(value)) expect(Array.from(read, Number), name).toEqual(value);
        else if (!name.endsWith("_time"))
          expect(typeof read === "bigint" ? Number(read) : read, name).toBe(value);
      }
    }
  });

  it("what is under a file's name is whole: the older one until the new one is closed, or for good where it is given up", async () => {
    const path = join(tempFolder(), "v.csv");
    writeFileSync(path, "older");
    const given = await openVerdictWriter(path);
    await given.write(rows);
    expect(readFileSync(path, "utf8")).toBe("older");
    await given.discard();
    expect(readFileSync(path, "utf8")).toBe("older");
    const link = `${path}.link.csv`;
    symlinkSync(path, link);
    const whole = await openVerdictWriter(link);
    await whole.write(rows);
    expect(readFileSync(path, "utf8")).toBe("older");
    await whole.close();
    expect(readFileSync(path, "utf8").split("\n").length).toBeGreaterThan(rows.length);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(path, "..")).sort()).toEqual(["v.csv", "v.csv.link.csv"]);
  });

  it.each(["csv", "jsonl", "parquet", "arrow"])("%s: no sessions give a file that opens", async (ending) => {
    const path = await written(ending, []);
    if (ending === "arrow") {
      const table = tableFromIPC(readFileSync(path));
      expect(table.numRows).toBe(0);
      expect(table.schema.fields.map(({ name }) => name)).toEqual(VERDICT_COLUMNS);
    } else if (ending === "parquet") {
      expect((await parquetMetadataAsync(await asyncBufferFromFile(path))).num_rows).toBe(0n);
    } else {
      expect(readFileSync(path, "utf8")).toBe(ending === "csv" ? `${VERDICT_COLUMNS.join(",")}\n` : "");
    }
  });

  it("a results CSV serves as a label file", async () => {
    const path = await written("csv", [rows]);
    const labeller = ruleLabeller(parseLabels(readFileSync(path, "utf8"), path), ["day 1/a,b.pcap"]);
    const key = {
      protocol: 17,
      initiator: addressKey("192.0.2.7")!,
      initiatorPort: 65_535,
      responder: addressKey("2001:db8:0::1")!,
      responderPort: 50_001,
    };
    expect(labeller.classes[labeller.labelOf(0, () => key)]).toBe('say "hi"\nChat');
  });

  it("can be checked before the work", async () => {
    const folder = tempFolder();
    await checkVerdictPath(join(folder, "v.csv"));
    await expect(checkVerdictPath(join(folder, "v.txt"))).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
    await expect(checkVerdictPath(join(folder, "none", "v.csv"))).rejects.toThrow(
      /none does not exist; make it first/,
    );
    mkdirSync(join(folder, "v.csv"));
    await expect(checkVerdictPath(join(folder, "v.csv"))).rejects.toThrow(/it is a folder/);
  });

  it("refuses another ending, and a folder that is not there", async () => {
    await expect(openVerdictWriter("out.xlsx")).rejects.toThrow(
      /\.csv, \.jsonl, \.ndjson, \.parquet, \.arrow but received out\.xlsx/,
    );
    for (const ending of ["csv", "parquet"]) {
      await expect(openVerdictWriter(join(tempFolder(), "none", `a.${ending}`))).rejects.toMatchObject({
        code: "ERR_IO",
      });
    }
  });
});
