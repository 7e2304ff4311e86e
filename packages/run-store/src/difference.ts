/** Where two plain JSON values differ first, e.g. `config.seed is 7 there and 8 here`; null when they are equal. */
export function firstDifference(there: unknown, here: unknown, path: string): string | null {
  if (there === here) return null;
  if (typeof there !== 'object' || typeof here !== 'object' || there === null || here === null) {
    return `${path} is ${JSON.stringify(there)} there and ${JSON.stringify(here)} here`;
  }
  for (const key of new Set([...Object.keys(there), ...Object.keys(here)])) {
    const [a, b] = [there, here].map((side) => (side as Record<string, unknown>)[key]);
    const difference = firstDifference(a, b, `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}
