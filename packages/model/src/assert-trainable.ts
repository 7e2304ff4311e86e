import type { Model } from './architecture.ts';
import { expectedOf } from './loss.ts';
import { OperatorError } from '@convoy/protocol/errors';
import type { RunConfig } from '@convoy/protocol/run-config';

/** @throws OperatorError when a setting means nothing for this model: augmentation is for images, smoothing for labels. */
export function assertTrainable({ augmentation, labelSmoothing }: RunConfig, { input, loss }: Model): void {
  if (augmentation !== null && (input.type !== 'uint8' || input.shape.length !== 3)) {
    throw new OperatorError(
      `augmentation is for images, bytes of [height, width, channels]; this model takes ${input.type} values of [${input.shape.join(', ')}]`,
    );
  }
  if (augmentation !== null && augmentation.crop >= Math.min(...input.shape.slice(0, 2))) {
    throw new OperatorError(
      `augmentation.crop (${augmentation.crop}) must be less than height and width, here ${input.shape.slice(0, 2).join(' and ')}`,
    );
  }
  if (augmentation !== null && augmentation.mixup > 0 && expectedOf(loss) !== 'class') {
    throw new OperatorError('mixup mixes labels, and this model is trained on values: leave it out');
  }
  if (labelSmoothing > 0 && expectedOf(loss) !== 'class') {
    throw new OperatorError('labelSmoothing is for classes, and this model is trained on values: leave it out');
  }
}
