/**
 * Each setting of a configuration by its path, as `optimizer.learningRate`, in the order of the configuration.
 * A list is one setting.
 */
export function settingPaths(value: unknown, path = ''): readonly (readonly [path: string, value: unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, part]) => settingPaths(part, path === '' ? name : `${path}.${name}`));
}

/**
 * The settings that are not the same in all configurations, by their paths in alphabetical order.
 * @returns a value for each configuration, in their order: its JSON, or '' where it has no such setting.
 */
export function differingSettings(configs: readonly unknown[]): Readonly<Record<string, readonly string[]>> {
  const settings = configs.map(
    (config) => new Map(settingPaths(config).map(([path, value]) => [path, JSON.stringify(value)])),
  );
  const paths = [...new Set(settings.flatMap((each) => [...each.keys()]))].sort();
  const byPath = paths.map((path) => [path, settings.map((each) => each.get(path) ?? '')] as const);
  return Object.fromEntries(byPath.filter(([, values]) => new Set(values).size > 1));
}
