/** A class by its label, and its probability from 0 to 1. */
export interface Guess {
  readonly label: number;
  readonly probability: number;
}

/** Classes by their probability, the likeliest first; of equals the one with the lower label. */
export function ranked(probabilities: Float64Array): readonly Guess[] {
  return Array.from(probabilities, (probability, label) => ({ label, probability })).sort(
    (a, b) => b.probability - a.probability || a.label - b.label,
  );
}
