import { SAVED_RUN_ID, type SavedRun } from '../src/replay/saved-run.ts';

/** The run that this document has in it, where it is a report; null where it is the page that a door serves. */
export async function readSavedRun(): Promise<SavedRun | null> {
  const element = document.getElementById(SAVED_RUN_ID);
  if (element === null) return null;
  const bytes = Uint8Array.from(atob(element.textContent), (character) => character.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(unpacked).text()) as SavedRun;
}
