// The part of the ONNX file format that we write and read, and its bytes.
// Field numbers and enum values: onnx/onnx.proto of the public ONNX specification (IR version 8). Fields that we
// neither write nor read are left out; a protobuf reader skips what it does not know by its number.
import protobuf from "protobufjs";
import { FlowglyphError } from "../../bindings/errors.ts";

const SCHEMA = `
  syntax = "proto2";
  message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
  message StringStringEntryProto { optional string key = 1; optional string value = 2; }
  message TensorProto {
    repeated int64 dims = 1;
    optional int32 data_type = 2;
    optional string name = 8;
    optional bytes raw_data = 9;
  }
  message AttributeProto {
    optional string name = 1;
    optional float f = 2;
    optional int64 i = 3;
    optional bytes s = 4;
    repeated float floats = 7;
    repeated int64 ints = 8;
    repeated bytes strings = 9;
    optional int32 type = 20;
  }
  message NodeProto {
    repeated string input = 1;
    repeated string output = 2;
    optional string name = 3;
    optional string op_type = 4;
    repeated AttributeProto attribute = 5;
    optional string domain = 7;
  }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
  message TensorShapeProto { repeated Dimension dim = 1; }
  message TensorTypeProto { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
  message TypeProto { optional TensorTypeProto tensor_type = 1; }
  message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
  message GraphProto {
    repeated NodeProto node = 1;
    optional string name = 2;
    repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11;
    repeated ValueInfoProto output = 12;
  }
  message ModelProto {
    optional int64 ir_version = 1;
    optional string producer_name = 2;
    optional string producer_version = 3;
    optional GraphProto graph = 7;
    repeated OperatorSetIdProto opset_import = 8;
    repeated StringStringEntryProto metadata_props = 14;
  }
`;

/** TensorProto.DataType. */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int16: 5, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof ELEMENT;

/** AttributeProto.AttributeType. */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, floats: 6, ints: 7, strings: 8 } as const;

export interface TensorProto {
  dims: number[];
  dataType: number;
  name: string;
  /** Little-endian, row-major. */
  rawData: Uint8Array;
}

export interface AttributeProto {
  name: string;
  f?: number;
  i?: number;
  s?: Uint8Array;
  floats?: number[];
  ints?: number[];
  strings?: Uint8Array[];
  type: number;
}

export interface NodeProto {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: AttributeProto[];
  /** Of the operator set; the standard one where it is left out. */
  domain?: string;
}

export interface ValueInfoProto {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: { dimValue?: number; dimParam?: string }[] } } };
}

export interface ModelProto {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  graph: {
    node: NodeProto[];
    name: string;
    initializer: TensorProto[];
    input: ValueInfoProto[];
    output: ValueInfoProto[];
  };
  opsetImport: { domain: string; version: number }[];
  metadataProps: { key: string; value: string }[];
}

const modelType = protobuf.parse(SCHEMA).root.lookupType("ModelProto");

export function encodeModel(model: ModelProto): Uint8Array {
  const problem = modelType.verify(model);
  if (problem !== null)
    throw new FlowglyphError("ERR_MODEL_FORMAT", `Cannot write the ONNX model: ${problem}`);
  return modelType.encode(model).finish();
}

/** Reads the fields of SCHEMA; missing lists are empty. ERR_MODEL_FORMAT where the bytes are no protobuf of that kind. */
export function decodeModel(bytes: Uint8Array, where: string): ModelProto {
  let model: Partial<ModelProto>;
  try {
    model = modelType.toObject(modelType.decode(bytes), {
      longs: Number,
      arrays: true,
    }) as Partial<ModelProto>;
  } catch (cause) {
    throw new FlowglyphError(
      "ERR_MODEL_FORMAT",
      `${where} is not an ONNX model: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (model.irVersion === undefined || model.graph === undefined) {
    throw new FlowglyphError("ERR_MODEL_FORMAT", `${where} is not an ONNX model: it holds no graph`);
  }
  return { producerName: "", producerVersion: "", ...model } as ModelProto;
}
