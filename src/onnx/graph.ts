// Collects nodes and initializers of one ONNX graph and names its values. Knows the file format, no operation's meaning.
import { endianness } from "node:os";
import { FlowglyphError } from "../../bindings/errors.ts";
import {
  ATTRIBUTE,
  type AttributeProto,
  ELEMENT,
  type ElementType,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto.ts";
import type { Shape } from "./shapes.ts";

// Opset 17 (ONNX 1.12, IR version 8): the lowest that has every form that we write (softmax along one axis, 13;
// BatchNormalization that keeps its statistics, 15; LSTM 14), with ReduceMean's axes still an attribute. onnxruntime
// runs it on CPU since 1.12, and so do the other runtimes of an analyst's neighbourhood.
export const OPSET = 17;
const IR_VERSION = 8;
// Operators of classical models. Version 1 of the domain has all of TreeEnsembleClassifier that we write.
export const ML_DOMAIN = { domain: "ai.onnx.ml", version: 1 } as const;

export type Attributes = { readonly [name: string]: Attribute };
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly string: string };

/** What an initializer may hold. */
export type InitializerData = Float32Array | Uint8Array | Int8Array | Int16Array | Int32Array;

/** A value of the graph; `element` and `shape` are known while tracing (shapes.ts says how the batch is written). */
export interface GraphValue {
  readonly name: string;
  readonly element: ElementType;
  readonly shape: Shape;
}

const SCALARS = {
  float32: (value: number) => ({ prefix: "scalar", data: Float32Array.of(value) }),
  int32: (value: number) => ({ prefix: "int", data: Int32Array.of(value) }),
  uint8: (value: number) => ({ prefix: "byte", data: Uint8Array.of(value) }),
} as const;

export class GraphBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, string>();
  readonly #domains = new Map<string, number>([["", OPSET]]);

  input(name: string, element: ElementType, shape: Shape): GraphValue {
    const value = { name: this.#unique(name), element, shape };
    this.#inputs.push(valueInfo(value));
    return value;
  }

  /** Gives `value` its public name. */
  output(name: string, value: GraphValue): void {
    const named = { ...value, name: this.#unique(name) };
    this.#append("Identity", [value.name], [named.name], {});
    this.#outputs.push(valueInfo(named));
  }

  /** One node of one result. */
  node(
    opType: string,
    inputs: readonly string[],
    shape: Shape,
    attributes: Attributes = {},
    element: ElementType = "float32",
  ): GraphValue {
    const name = this.#unique(opType.toLowerCase());
    this.#append(opType, inputs, [name], attributes);
    return { name, element, shape };
  }

  /** One node of an operator set other than the standard one; only the last of its results is of use. */
  foreignNode(
    { domain, version }: { readonly domain: string; readonly version: number },
    opType: string,
    inputs: readonly string[],
    outputs: number,
    shape: Shape,
    attributes: Attributes,
  ): GraphValue {
    this.#domains.set(domain, version);
    const names = Array.from({ length: outputs }, () => this.#unique(opType.toLowerCase()));
    this.#append(opType, inputs, names, attributes, domain);
    return { name: names.at(-1)!, element: "float32", shape };
  }

  /** A weight. `data` is written as it is now. */
  initializer(name: string, shape: Shape, data: InitializerData): string {
    const count = shape.reduce((total, d) => total * d, 1);
    if (data.length !== count) {
      throw new FlowglyphError(
        "ERR_MODEL_FORMAT",
        `Expected ${name} to hold ${count} values (${shape.join(" x ")}) but received ${data.length}`,
      );
    }
    const unique = this.#unique(name);
    this.#initializers.push({
      name: unique,
      dims: [...shape],
      dataType: ELEMENT[elementOf(data)],
      rawData: rawBytes(data),
    });
    return unique;
  }

  /** A scalar; the same number is stored once. */
  scalar(value: number, element: "float32" | "int32" | "uint8" = "float32"): string {
    const { prefix, data } = SCALARS[element](value);
    return this.#constant(`${prefix}_${value}`, () => [[], element, rawBytes(data)]);
  }

  /** A list of int64, or one where `values` is a number; the same list is stored once. */
  integers(values: readonly number[] | number): string {
    const list = typeof values === "number" ? [values] : values;
    const dims = typeof values === "number" ? [] : [list.length];
    const key = `${dims.length === 0 ? "index" : "shape"}_${list.join("_")}`;
    return this.#constant(key, () => [dims, "int64", rawBytes(BigInt64Array.from(list, BigInt))]);
  }

  /** The bytes of the model file. */
  finish(options: {
    graphName: string;
    toolVersion: string;
    metadata: Readonly<Record<string, string>>;
  }): Uint8Array {
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: "flowglyph",
      producerVersion: options.toolVersion,
      graph: {
        node: this.#nodes,
        name: options.graphName,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      },
      opsetImport: [...this.#domains].map(([domain, version]) => ({ domain, version })),
      metadataProps: Object.entries(options.metadata).map(([key, value]) => ({ key, value })),
    });
  }

  #append(
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes,
    domain = "",
  ): void {
    this.#nodes.push({
      input: [...inputs],
      output: [...outputs],
      name: `node_${outputs[0]}`,
      opType,
      attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
      ...(domain !== "" && { domain }),
    });
  }

  #constant(key: string, make: () => [dims: number[], element: ElementType, bytes: Uint8Array]): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const [dims, element, bytes] = make();
    const name = this.#unique(key);
    this.#initializers.push({ name, dims, dataType: ELEMENT[element], rawData: bytes });
    this.#constants.set(key, name);
    return name;
  }

  #unique(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if ("int" in value) return { name, type: ATTRIBUTE.int, i: value.int };
  if ("float" in value) return { name, type: ATTRIBUTE.float, f: value.float };
  if ("ints" in value) return { name, type: ATTRIBUTE.ints, ints: value.ints as number[] };
  if ("floats" in value) return { name, type: ATTRIBUTE.floats, floats: value.floats as number[] };
  if ("strings" in value) {
    const encoded = new Map(
      [...new Set(value.strings)].map((text) => [text, new TextEncoder().encode(text)]),
    );
    return { name, type: ATTRIBUTE.strings, strings: value.strings.map((text) => encoded.get(text)!) };
  }
  return { name, type: ATTRIBUTE.string, s: new TextEncoder().encode(value.string) };
}

function valueInfo(value: GraphValue): ValueInfoProto {
  const dim = value.shape.map((d) => (d >= 0 ? { dimValue: d } : { dimParam: d === -1 ? "N" : `${-d}N` }));
  return { name: value.name, type: { tensorType: { elemType: ELEMENT[value.element], shape: { dim } } } };
}

function elementOf(data: InitializerData): ElementType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Int16Array) return "int16";
  return data instanceof Int8Array ? "int8" : "uint8";
}

// raw_data is little-endian; a big-endian machine would have to swap, and none that runs our addons is one.
function rawBytes(data: InitializerData | BigInt64Array): Uint8Array {
  if (endianness() !== "LE") {
    throw new FlowglyphError("ERR_MODEL_FORMAT", "ONNX export needs a little-endian machine");
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}
