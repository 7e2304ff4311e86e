// tsx test/bench/growth-link.ts '{"parameters":904718,"workers":2,"gigabitsPerSecond":1}'
//
// Measures a cell of growth.ts where it is started: in a network of its own, whose loopback was made slow.
import { measureCell, type GrowthShape } from './growth-cell.ts';

const shape = JSON.parse(process.argv[2]!) as GrowthShape;
console.log(JSON.stringify(await measureCell(shape, { seconds: 5, leastSteps: 8 })));
