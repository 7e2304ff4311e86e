/** A layer's options as `getConfig` of TensorFlow.js gives them. */
export type Config = Readonly<Record<string, unknown>>;

/** What becomes of an option: it is read; it may have one of some values; nothing may be set; or the run draws in its place. */
export type Rule = 'read' | 'unset' | 'drawn' | Only;

interface Only {
  readonly only: readonly unknown[];
  /** Why it may have no other, where that isn't plain. */
  readonly because?: string;
}

/** The rules of a class. What has none is refused: an option must not be dropped unnoticed. */
export type Rules = Readonly<Record<string, Rule>>;

/** The option may have these values. */
export function only(...values: readonly unknown[]): Rule {
  return { only: values };
}

const EVERY_LAYER: Rules = {
  name: 'read',
  trainable: { only: [true], because: 'Convoy trains every layer, and takes no weights that could be kept' },
  dtype: only('float32'),
  // The model's inputs say it, too.
  batchInputShape: 'read',
};

/** @throws RangeError naming the first option that would make another model than Convoy trains. */
export function assertOptions(name: string, rules: Rules, config: Config): void {
  for (const [option, value] of setOptions(config)) {
    const rule = ruleOf(rules, option);
    if (rule === undefined)
      throw new RangeError(`${name} has the option ${option}, which Convoy does not know: leave it out`);
    if (rule === 'unset')
      throw new RangeError(`${name} has a ${option}, which Convoy does not train with: ${adviceOn(option)}`);
    if (typeof rule !== 'object' || rule.only.includes(value)) continue;
    const { because = `Convoy trains with ${rule.only.map(shown).join(' or ')} only` } = rule;
    throw new RangeError(`${name} has ${option} ${shown(value)}: ${because}`);
  }
}

/** Options in whose place the run's seed draws, where they say something else than the default: `kernelInitializer HeNormal`. */
export function drawnOptions(rules: Rules, config: Config): readonly string[] {
  return setOptions(config)
    .filter(([option, value]) => ruleOf(rules, option) === 'drawn' && !isDefaultDraw(option, value))
    .map(([option, value]) => `${option} ${typeof value === 'object' ? initializerName(value!) : String(value)}`);
}

function ruleOf(own: Rules, option: string): Rule | undefined {
  return [own, EVERY_LAYER].find((rules) => Object.hasOwn(rules, option))?.[option];
}

function setOptions(config: Config): readonly (readonly [string, unknown])[] {
  return Object.entries(config).filter(([, value]) => value !== null && value !== undefined);
}

function adviceOn(option: string): string {
  return option.endsWith('Regularizer') ? "leave it out, or use the optimizer's weightDecay" : 'leave it out';
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

interface Initializer {
  readonly className?: string;
  readonly config?: { readonly scale?: number; readonly mode?: string; readonly distribution?: string };
}

/** Kernels are drawn Glorot-uniform; whether TensorFlow.js would take the normal distribution, its default, says nothing. */
function isDefaultDraw(option: string, value: unknown): boolean {
  const { className, config } = value as Initializer;
  if (option === 'kernelInitializer') {
    return className === 'VarianceScaling' && config?.scale === 1 && config.mode === 'fanAvg';
  }
  if (option === 'gammaInitializer' || option === 'movingVarianceInitializer') return className === 'Ones';
  return className === 'Zeros';
}

/** TensorFlow.js writes its He and LeCun initializers as what they are made of. */
function initializerName({ className = 'of another kind', config }: Initializer): string {
  if (className !== 'VarianceScaling' || config?.scale === undefined) return className;
  return `VarianceScaling of ${config.scale}, ${config.mode}, ${config.distribution}`;
}
