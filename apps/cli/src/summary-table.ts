import type { Model } from '@convoy/model/architecture';
import { kerasClassName } from '@convoy/export/keras-layer';

const LINE_LENGTH = 65;
/** Where the columns after the first begin, as in `model.summary()`. */
const COLUMNS = [29, 55] as const;

/** A model as `model.summary()` of Keras 2 prints it. */
export function summaryTable(model: Model): string {
  const rule = '_'.repeat(LINE_LENGTH);
  const rows = model.layers.map(({ layer, outputShape, parameters }) => {
    const shape = `(${['None', ...outputShape].join(', ')})`;
    const size = parameters.reduce((sum, tensor) => sum + tensor.size, 0);
    return row(`${layer.name} (${kerasClassName(layer)})`, layer.type === 'input' ? `[${shape}]` : shape, String(size));
  });
  const { parameterCount, trainableCount } = model;
  const [total, trainable, rest] = [parameterCount, trainableCount, parameterCount - trainableCount].map((count) =>
    count.toLocaleString('en-US'),
  );
  return [
    'Model: "model"',
    rule,
    row('Layer (type)', 'Output Shape', 'Param #'),
    '='.repeat(LINE_LENGTH),
    rows.join(`\n${rule}\n`),
    '='.repeat(LINE_LENGTH),
    `Total params: ${total}`,
    `Trainable params: ${trainable}`,
    `Non-trainable params: ${rest}`,
    rule,
  ].join('\n');
}

function row(...cells: readonly [string, string, string]): string {
  let line = '';
  for (const [index, cell] of cells.entries()) {
    line += cell;
    const column = COLUMNS[index];
    // A cell that is too long is cut, one space before the next column.
    if (column !== undefined) line = line.slice(0, column - 1).padEnd(column);
  }
  return line.padEnd(LINE_LENGTH);
}
