import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { code, markdownTable, sentence } from './markdown.ts';

const SOURCE = fileURLToPath(new URL('../../../../packages/protocol/src/run-events.ts', import.meta.url));

/** What a field means wherever its type says nothing else. */
const SHARED_MEANINGS: Readonly<Record<string, string>> = {
  run: "The run's name, which is also its folder's.",
  incarnation: 'Names the process that serves the run. A resumed run has another.',
  totalSteps: 'Steps of the whole run.',
  stepsPerEpoch: 'Steps of an epoch.',
  trainSamples: 'Samples to train on.',
  validationSamples: 'Samples held out for validation.',
  testSamples: 'Samples of the test.',
  parameterCount: 'Numbers that are trained.',
  workerId: 'A random name that each worker process makes for itself.',
  rank: 'The number of a worker in this run, from 0.',
  name: "The worker's host and process id.",
  engine: 'What it computes with.',
  remote: 'Its address.',
  workers: 'Workers that take part.',
  minWorkers: 'Workers that there must be.',
  step: 'Commits so far: step 5 is the fifth.',
  steps: 'Steps done.',
  epoch: 'From 0.',
  epochs: 'Epochs done.',
  work: 'Whether it is a step or an evaluation.',
  purpose: 'Which split it was.',
  samples: 'Samples that the figures are means over.',
  loss: 'Mean over the samples.',
  accuracy: 'Classification: share of the samples whose likeliest class was the right one, 0 to 1.',
  meanAbsoluteError: "Regression: mean over the samples, in the targets' unit.",
  seconds: 'How long it took.',
  learningRate: 'Of this update.',
  monitor: 'The figure that decided it.',
  reason: 'Why, in words.',
  kind: 'What was found.',
  since: 'The first step at which it held.',
  bytes: 'Its size.',
  cause: 'Why it was written.',
  request: 'What was asked for.',
  lost: 'So many events.',
  forMs: 'For so many milliseconds.',
  why: 'Why it takes so long.',
  start: 'The first micro-batch of the step, or piece of the evaluation, from 0.',
  size: 'How many they are: a power of two that divides `start`.',
};

/** Every event of a run with its fields and their meaning, from the types that the program is checked against. Markdown. */
export function eventReference(): string {
  const events = describeEvents();
  return [
    '# Events',
    "What happens in a run is written into `events.jsonl` in the run's folder, one JSON object per line. A [program](../programmatic.md) gets the same objects from `train`, and [the page](../dashboard.md) is drawn from them. Skip types and fields that you don't know: later versions add some.",
    'Every event has `at`, the time in milliseconds since the Unix epoch, and `type`.',
    ...events.flatMap(({ name, about, fields }) => [`## ${name}`, sentence(about), ...fieldsTable(fields)]),
    '## Types',
    ...describeTypes(events).flatMap(({ name, about, fields, text }) => [
      `### ${name}`,
      ...(about === '' ? [] : [sentence(about)]),
      ...(text === undefined ? [] : [text]),
      ...fieldsTable(fields),
    ]),
  ].join('\n\n');
}

export interface DescribedEvent {
  readonly name: string;
  readonly about: string;
  readonly fields: readonly Field[];
}

interface Field {
  readonly name: string;
  readonly type: string;
  readonly isOptional: boolean;
  readonly meaning: string;
  /** Types of ours that its type names. */
  readonly named: readonly ts.Declaration[];
}

function fieldsTable(fields: readonly Field[]): string[] {
  if (fields.length === 0) return [];
  const rows = fields.map(({ name, type, isOptional, meaning }) => [
    code(name),
    code(type) + (isOptional ? ', not always' : ''),
    sentence(meaning),
  ]);
  return [markdownTable(['field', 'type', 'meaning'], rows)];
}

/** The members of the union `RunFact`, in their order. */
export function describeEvents(): readonly DescribedEvent[] {
  const program = ts.createProgram([SOURCE], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
  });
  checker = program.getTypeChecker();
  const source = program.getSourceFile(SOURCE)!;
  const declared = source.statements.find(
    (each): each is ts.TypeAliasDeclaration => ts.isTypeAliasDeclaration(each) && each.name.text === 'RunFact',
  );
  if (declared === undefined || !ts.isUnionTypeNode(declared.type)) throw new Error(`${SOURCE} has no union RunFact`);
  return declared.type.types.map((node) => {
    const { type, ...fields } = fieldsOf(checker.getTypeFromTypeNode(node));
    return { name: type!.type.replaceAll("'", ''), about: commentBefore(node, source), fields: Object.values(fields) };
  });
}

/** Of the program that was read last. */
let checker: ts.TypeChecker;

/** Of a union, the fields of all its members: a metric is one of several. */
function fieldsOf(type: ts.Type): Readonly<Record<string, Field>> {
  const members = type.isUnion() ? type.types : [type];
  const fields: Record<string, Field> = {};
  for (const symbol of members.flatMap((member) => checker.getPropertiesOfType(member))) {
    if (Object.hasOwn(fields, symbol.name) || isAbsent(symbol)) continue;
    const own = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ');
    fields[symbol.name] = {
      name: symbol.name,
      type: typeText(symbol),
      isOptional: members.some((member) => isMissingIn(member, symbol.name)),
      meaning: own === '' ? (SHARED_MEANINGS[symbol.name] ?? '') : own,
      named: namedIn(declaredType(symbol)),
    };
  }
  return fields;
}

function isMissingIn(type: ts.Type, name: string): boolean {
  const symbol = checker.getPropertyOfType(type, name);
  return symbol === undefined || isAbsent(symbol) || (symbol.flags & ts.SymbolFlags.Optional) !== 0;
}

/** A field that must not be there: of the type `never`. */
function isAbsent(symbol: ts.Symbol): boolean {
  return (checker.getNonNullableType(checker.getTypeOfSymbol(symbol)).flags & ts.TypeFlags.Never) !== 0;
}

/** As it is written, without what only a compiler needs. */
function typeText(symbol: ts.Symbol): string {
  const text = declaredType(symbol)?.getText() ?? checker.typeToString(checker.getTypeOfSymbol(symbol));
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll('readonly ', '')
    .replace(/\s+/g, ' ');
}

/** Undefined for a field whose type is made from a schema. */
function declaredType({ declarations = [] }: ts.Symbol): ts.TypeNode | undefined {
  return declarations.find(ts.isPropertySignature)?.type;
}

/** The declarations that a type names, if they are ours. */
function namedIn(node: ts.TypeNode | undefined): readonly ts.Declaration[] {
  const found: ts.Declaration[] = [];
  const look = (each: ts.Node): void => {
    if (ts.isTypeReferenceNode(each)) {
      const symbol = checker.getSymbolAtLocation(each.typeName)!;
      const meant = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const declaration = meant.declarations?.find(
        (one) => ts.isTypeAliasDeclaration(one) || ts.isInterfaceDeclaration(one),
      );
      if (declaration?.getSourceFile().fileName.includes('/packages/')) found.push(declaration);
    }
    ts.forEachChild(each, look);
  };
  if (node !== undefined) look(node);
  return found;
}

interface DescribedType extends DescribedEvent {
  /** What it is, where it has no fields. */
  readonly text?: string;
}

/** The types that the events' fields name, and those that they name in turn. */
function describeTypes(events: readonly DescribedEvent[]): readonly DescribedType[] {
  const types = new Map<string, DescribedType>();
  const waiting = events.flatMap(({ fields }) => fields.flatMap(({ named }) => named));
  for (let declaration = waiting.shift(); declaration !== undefined; declaration = waiting.shift()) {
    const { name } = declaration as ts.TypeAliasDeclaration;
    if (types.has(name.text)) continue;
    const symbol = checker.getSymbolAtLocation(name)!;
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const about = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, ' ');
    const literals = type.isUnion() && type.types.every((each) => each.isStringLiteral());
    // Its fields are those of every array.
    const tuple = checker.isTupleType(type) ? (declaration as ts.TypeAliasDeclaration).type : undefined;
    const hasFields = !literals && tuple === undefined && type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Union);
    const fields = hasFields ? Object.values(fieldsOf(type)) : [];
    const text = literals
      ? type.types.map((each) => code((each as ts.StringLiteralType).value)).join(', ')
      : tuple && code(tuple.getText().replaceAll('readonly ', ''));
    types.set(name.text, { name: name.text, about, fields, ...(text === undefined ? {} : { text }) });
    waiting.push(...fields.flatMap(({ named }) => named));
  }
  return [...types.values()];
}

/** What stands above a member of the union. */
function commentBefore(node: ts.TypeNode, source: ts.SourceFile): string {
  const before = source.text.slice(0, node.getStart(source));
  const [, comment = ''] = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*\|?\s*$/.exec(before) ?? [];
  return comment
    .replace(/^\s*\*\s?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
