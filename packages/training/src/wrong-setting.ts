import { nearestName, readableType } from '@convoy/protocol/wrong-value';
import * as v from 'valibot';
import { camelCase, SETTINGS_OF_FLAGS } from './flag-names.ts';

/** What is wrong with a setting, in one line: where it is, and what it must be. */
export function wrongSetting(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  const last = issue.path?.at(-1);
  if (path === null || last === undefined) return `a configuration is an object of settings, not ${issue.received}`;
  const where = path.slice(0, -String(last.key).length - 1);
  const inside = where === '' ? '' : `${where}: `;
  if (issue.expected === 'never') return `${inside}${unknownSetting(String(last.key), where, last.input as object)}`;
  if (issue.received === 'undefined') return `${path}: is missing`;
  // Some checks expect nothing that has a name: the kind of the check is its name.
  return `${path}: must be ${readableType(issue.expected ?? issue.type)}, not ${issue.received}`;
}

function unknownSetting(key: string, where: string, siblings: object): string {
  // A configuration is checked whole, so every setting that there is stands beside the one that is not.
  const settings = Object.keys(siblings).filter((name) => name !== key);
  const found = nearestName(key, where === '' ? [...settings, ...SETTINGS_BY_FLAG.keys()] : settings);
  // Whoever knows the command line writes the flag's name.
  const near = found === undefined || settings.includes(found) ? found : SETTINGS_BY_FLAG.get(found);
  if (near !== undefined) return `there is no setting "${key}"; did you mean "${near}"?`;
  if ('name' in siblings) return `${String(siblings.name)} has no ${key}: leave it out, or choose another ${where}`;
  return `there is no setting "${key}"`;
}

/** Settings by the names of their flags, written as settings are. */
const SETTINGS_BY_FLAG: ReadonlyMap<string, string> = new Map(
  Object.entries(SETTINGS_OF_FLAGS).map(([flag, setting]) => [camelCase(flag), setting]),
);

/** One line about a name that nothing has: what was probably meant, or what there is. */
export function unknownName(kind: string, name: string, names: readonly string[]): string {
  const near = nearestName(name, names);
  const hint = near === undefined ? '' : `did you mean "${near}"? `;
  return `no ${kind} is called "${name}"; ${hint}choose one of ${names.join(', ')}`;
}
