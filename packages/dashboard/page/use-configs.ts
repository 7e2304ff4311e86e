import { useEffect, useState } from 'preact/hooks';

/** Asked for at a time: a browser has six connections to a door, and others wait for theirs. */
const AT_ONCE = 3;
const RETRY_MS = 1_000;

/** The configurations of runs, by their names, without those of runs that are not there; null until they are read. */
export function useConfigs(names: readonly string[]): ReadonlyMap<string, unknown> | null {
  const [configs, setConfigs] = useState<ReadonlyMap<string, unknown> | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const found = new Map<string, unknown>();
    const rest = [...names];
    const ask = async () => {
      for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
        const answer = await fetch(`v1/config?${new URLSearchParams({ run: name })}`, { signal: stop.signal });
        if (answer.ok) found.set(name, await answer.json());
      }
    };
    const askAll = async () => {
      while (!stop.signal.aborted) {
        try {
          await Promise.all(Array.from({ length: AT_ONCE }, ask));
          if (!stop.signal.aborted) return setConfigs(found);
        } catch {
          // Nobody answers.
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
          rest.splice(0, rest.length, ...names.filter((name) => !found.has(name)));
        }
      }
    };
    void askAll();
    return () => stop.abort();
  }, [JSON.stringify(names)]);
  return configs;
}
