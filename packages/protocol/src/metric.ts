/** What a run measures of its predictions besides the loss: a classification which of them are right, a regression how far they are off. */
export const METRIC_NAMES = ['accuracy', 'meanAbsoluteError'] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

/** What people call them. */
export const METRIC_LABELS: Readonly<Record<MetricName, string>> = {
  accuracy: 'accuracy',
  meanAbsoluteError: 'mean absolute error',
};

/** What Keras calls them, and so other tools. */
export const KERAS_NAMES = {
  accuracy: 'accuracy',
  meanAbsoluteError: 'mean_absolute_error',
} as const satisfies Readonly<Record<MetricName, string>>;

/** The mean of a run's metric over samples, under its name: an accuracy from 0 to 1, or an absolute error in the targets' unit. */
export type MetricFigure =
  | { readonly accuracy: number; readonly meanAbsoluteError?: never }
  | { readonly accuracy?: never; readonly meanAbsoluteError: number };

/** A share of one as people read it. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

/** A mean under its metric's name. */
export function metricFigure(name: MetricName, value: number): MetricFigure {
  return name === 'accuracy' ? { accuracy: value } : { meanAbsoluteError: value };
}

/** Which metric a figure is of, and its value. */
export function readMetric(figure: MetricFigure): { readonly name: MetricName; readonly value: number } {
  return figure.accuracy === undefined
    ? { name: 'meanAbsoluteError', value: figure.meanAbsoluteError }
    : { name: 'accuracy', value: figure.accuracy };
}
