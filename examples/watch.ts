// node --import tsx examples/watch.ts [convoy.json]
//
// Trains with two worker processes, shows what happens, and asks the model about one image.
import { openPredictor, train } from 'tfjs-convoy';

const run = train({ recipe: 'quick', config: process.argv[2], workers: 2, onNote: (line) => console.error(line) });

for await (const event of run) {
  switch (event.type) {
    case 'worker-joined':
      console.log(`worker ${event.rank} computes with ${event.engine}`);
      break;
    case 'step':
      if (event.step % 10 === 0) console.log(`step ${event.step}: loss ${event.loss.toFixed(3)}`);
      break;
    case 'evaluated':
      if (event.accuracy !== undefined) console.log(`${event.purpose} accuracy ${(100 * event.accuracy).toFixed(1)} %`);
      break;
  }
}

const { folder, outcome, parametersSha256, readParameters } = await run.result;
console.log(`${outcome}: ${folder}, ${(await readParameters()).length} parameters, sha256 ${parametersSha256}`);

const predictor = await openPredictor(folder);
const black = new Uint8Array(32 * 32 * 3);
console.log(`a black image is of class ${predictor.predict(black)[0]!.label}, it says`);
predictor.close();
