import { useEffect, useState } from 'preact/hooks';
import { settingPaths } from '@convoy/protocol/setting-paths';

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
        {settingPaths(config).map(([path, value]) => (
          <div key={path}>
            <dt>{path}</dt>
            <dd>{JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
