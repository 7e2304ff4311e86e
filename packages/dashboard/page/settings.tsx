import { useEffect, useState } from 'preact/hooks';
import { settingPaths } from '@convoy/protocol/setting-paths';

/** The run's configuration, which the door has. */
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
  return config === null ? null : <SettingList config={config} />;
}

/** A configuration, setting by setting. */
export function SettingList({ config, isOpen = false }: { readonly config: unknown; readonly isOpen?: boolean }) {
  return (
    <details class="card settings" open={isOpen}>
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
