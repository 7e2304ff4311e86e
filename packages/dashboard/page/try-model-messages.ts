/** What the page asks its worker: what a model takes a picture for. */
export interface Question {
  readonly id: number;
  /** Of the model's `model.json`. */
  readonly address: string;
  readonly picture: Blob;
  /** Of the model's images. */
  readonly size: number;
  readonly channels: 1 | 3;
}

export type Answer =
  | {
      readonly id: number;
      /** In the order of the classes. */
      readonly probabilities: readonly number[];
      /** The picture as the model sees it: red, green, blue and opacity. */
      readonly seen: Uint8ClampedArray<ArrayBuffer>;
    }
  | { readonly id: number; readonly fault: string };
