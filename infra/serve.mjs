// node infra/serve.mjs parameter-server|worker [options]: one of the apps, as `nx serve` starts it
import { launch } from './launch.mjs';

const [entry, ...args] = process.argv.slice(2);
await launch(args, entry);
