// Suggestions as rows of a file that is to be filled in and given back as a label file (src/dataset/labels.ts).
import { protocolName } from "../capture/names.ts";
import { imageDigest } from "../dataset/image-hash.ts";
import type { Dataset } from "../dataset/types.ts";
import { formatTime } from "../results/verdict-row.ts";
import type { Suggestion } from "./suggest.ts";

/** One session to label. Columns of sessions are there where the dataset has them: IDX files do not. */
export interface SuggestionRow {
  /** Of the dataset. */
  readonly row: number;
  /** Digest of its image: the file is refused for a dataset that has another one there. */
  readonly image: string;
  readonly capture?: string;
  readonly protocol?: string;
  readonly initiator_address?: string;
  readonly initiator_port?: number;
  readonly responder_address?: string;
  readonly responder_port?: number;
  readonly start_time?: string;
  readonly initiator_packets?: number;
  readonly responder_packets?: number;
  /** What the model takes it for; empty without a model, as the next. */
  readonly best_class: string;
  readonly probability: number | "";
  /** To be filled in. */
  readonly class: "";
}

export function suggestionRows(dataset: Dataset, suggestions: readonly Suggestion[]): SuggestionRow[] {
  return suggestions.map(({ row, bestClass = "", probability }) => ({
    row,
    image: imageDigest(dataset.images, row),
    ...sessionCells(dataset, row),
    best_class: bestClass,
    probability: probability === undefined ? "" : Math.round(probability * 1e6) / 1e6,
    class: "",
  }));
}

function sessionCells({ columns, groups, groupNames }: Dataset, row: number): Partial<SuggestionRow> {
  if (columns === undefined || groups === undefined) return {};
  return {
    capture: groupNames[groups[row]!]!,
    protocol: protocolName(columns.protocol[row]!),
    initiator_address: columns.initiatorAddress[row]!,
    initiator_port: columns.initiatorPort[row]!,
    responder_address: columns.responderAddress[row]!,
    responder_port: columns.responderPort[row]!,
    start_time: formatTime(columns.startNs[row]!),
    initiator_packets: columns.initiatorPackets[row]!,
    responder_packets: columns.responderPackets[row]!,
  };
}
