// Writes docs/reference/ anew, from the commands, the schema and the types of events: `npm run reference`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { REFERENCE_FOLDER, referencePages } from './reference.ts';

mkdirSync(REFERENCE_FOLDER, { recursive: true });
for (const [file, text] of await referencePages()) {
  writeFileSync(new URL(file, REFERENCE_FOLDER), text);
  process.stdout.write(`${fileURLToPath(new URL(file, REFERENCE_FOLDER))}\n`);
}
