import { createRequire } from 'node:module';
import type { Attribute, Constant, DataType, GraphNode } from './graph.ts';

const require = createRequire(import.meta.url);

/** The tag under which the one graph of the file is found. */
export const TAG = 'serve';

/** GraphDef's own version number, of TensorFlow 2.9 and later: which defaults and checks the nodes were written for. */
const PRODUCER = 1087;

/**
 * The bytes of a `saved_model.pb` that holds `nodes` and nothing else: no variables, no signatures. Equal nodes give
 * equal bytes.
 */
export function savedModelBytes(nodes: readonly GraphNode[]): Uint8Array {
  const proto = loadProto();
  const versions = new proto.VersionDef();
  versions.setProducer(PRODUCER);
  const graph = new proto.GraphDef();
  graph.setVersions(versions);
  graph.setNodeList(nodes.map((node) => nodeDef(proto, node)));
  const info = new proto.MetaGraphDef.MetaInfoDef();
  info.addTags(TAG);
  const metaGraph = new proto.MetaGraphDef();
  metaGraph.setMetaInfoDef(info);
  metaGraph.setGraphDef(graph);
  const model = new proto.SavedModel();
  model.setSavedModelSchemaVersion(1);
  model.addMetaGraphs(metaGraph);
  return model.serializeBinary();
}

function nodeDef(proto: Proto, { name, op, inputs, attributes }: GraphNode): Message {
  const node = new proto.NodeDef();
  node.setName(name);
  node.setOp(op);
  node.setInputList([...inputs]);
  const map = node.getAttrMap();
  for (const [key, attribute] of Object.entries(attributes)) map.set(key, attrValue(proto, attribute));
  return node;
}

function attrValue(proto: Proto, attribute: Attribute): Message {
  const value = new proto.AttrValue();
  if ('type' in attribute) value.setType(dataType(proto, attribute.type));
  else if ('int' in attribute) value.setI(attribute.int);
  else if ('float' in attribute) value.setF(attribute.float);
  else if ('bool' in attribute) value.setB(attribute.bool);
  else if ('string' in attribute) value.setS(new TextEncoder().encode(attribute.string));
  else if ('shape' in attribute) value.setShape(tensorShape(proto, attribute.shape));
  else if ('tensor' in attribute) value.setTensor(tensor(proto, attribute.tensor));
  else {
    const list = new proto.AttrValue.ListValue();
    list.setIList([...attribute.ints]);
    value.setList(list);
  }
  return value;
}

function tensor(proto: Proto, { type, shape, values }: Constant): Message {
  const message = new proto.Tensor();
  message.setDtype(dataType(proto, type));
  message.setTensorShape(tensorShape(proto, shape));
  if (type === 'float32') message.setFloatValList([...values]);
  else message.setIntValList([...values]);
  return message;
}

function tensorShape(proto: Proto, shape: readonly number[]): Message {
  const message = new proto.TensorShape();
  for (const size of shape) {
    const dimension = new proto.TensorShape.Dim();
    dimension.setSize(size);
    message.addDim(dimension);
  }
  return message;
}

function dataType({ DataType }: Proto, type: DataType): number {
  const numbers = { float32: DataType.DT_FLOAT, int32: DataType.DT_INT32, uint8: DataType.DT_UINT8 };
  return numbers[type];
}

/** The part used here of the protobuf classes that tfjs-node carries to read SavedModels; they are made for writing, too. */
interface Proto {
  readonly DataType: { readonly DT_FLOAT: number; readonly DT_INT32: number; readonly DT_UINT8: number };
  readonly SavedModel: MessageClass;
  readonly MetaGraphDef: MessageClass & { readonly MetaInfoDef: MessageClass };
  readonly GraphDef: MessageClass;
  readonly VersionDef: MessageClass;
  readonly NodeDef: MessageClass;
  readonly AttrValue: MessageClass & { readonly ListValue: MessageClass };
  readonly Tensor: MessageClass;
  readonly TensorShape: MessageClass & { readonly Dim: MessageClass };
}
// They come without types, and a field's setter is named after it.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Message = any;
type MessageClass = new () => Message;

/** Loaded when a graph is written, not before: where it is cached already, 360 KB of classes aren't needed. */
function loadProto(): Proto {
  return require('#tfjs-node/proto') as Proto;
}
