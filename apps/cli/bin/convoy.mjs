#!/usr/bin/env node
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../../../node_modules/tsx', import.meta.url))) {
  process.stderr.write('convoy: the dependencies are not installed: run "npm run setup" first\n');
  process.exit(1);
}
const { launch } = await import('@convoy/infra/launch');
await launch(process.argv.slice(2));
