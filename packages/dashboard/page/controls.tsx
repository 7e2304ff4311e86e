interface SmoothingProps {
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly disabled?: boolean;
}

/** How much of a curve's average stays at each step. */
export function Smoothing({ value, onChange, disabled = false }: SmoothingProps) {
  return (
    <label>
      Smoothing
      <input
        type="range"
        min="0"
        max="0.99"
        step="0.01"
        value={value}
        disabled={disabled}
        onInput={({ currentTarget }) => onChange(Number(currentTarget.value))}
      />
      <output>{value.toFixed(2)}</output>
    </label>
  );
}

/** What a log scale can show. */
export function positive(values: readonly (number | null)[]): readonly (number | null)[] {
  return values.map((value) => (value !== null && value > 0 ? value : null));
}
