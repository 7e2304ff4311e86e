import { useEffect, useState } from 'preact/hooks';

/** The run's configuration, setting by setting. */
export function Settings({ name }: { readonly name: string | null }) {
  const [config, setConfig] = useState<unknown>(null);
  useEffect(() => {
    const stop = new AbortController();
    const query = name === null ? '' : `?run=${encodeURIComponent(name)}`;
    fetch(`v1/config${query}`, { signal: stop.signal })
      .then((answer) => (answer.ok ? answer.json() : null))
      .then(setConfig, () => {});
    return () => stop.abort();
  }, [name]);
  if (config === null) return null;
  return (
    <details class="card settings">
      <summary>
        <h2>Settings</h2>
      </summary>
      <dl>
        {settingsOf(config).map(([path, value]) => (
          <div key={path}>
            <dt>{path}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Each setting by its path, `optimizer.learningRate`. */
function settingsOf(value: unknown, path = ''): readonly (readonly [string, string])[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [[path, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([name, each]) => settingsOf(each, path === '' ? name : `${path}.${name}`));
}
