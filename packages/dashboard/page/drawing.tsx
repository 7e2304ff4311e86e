import { useEffect, useRef, useState } from 'preact/hooks';

/** Pixels along each side. */
const SIZE = 256;
const COLORS = [
  ['black', '#111111'],
  ['white', '#ffffff'],
  ['red', '#d22b2b'],
  ['yellow', '#f0c020'],
  ['green', '#2e8b3d'],
  ['blue', '#2a62d6'],
  ['brown', '#8a5a2b'],
  ['grey', '#8a8f98'],
] as const;

interface DrawingProps {
  /** A picture to draw on; null for white paper. */
  readonly picture: Blob | null;
  /** Told of the drawing after each stroke; null when it was cleared. */
  readonly onDraw: (picture: Blob | null) => void;
}

/** White paper, or a picture, to draw on with mouse, pen or finger. */
export function Drawing({ picture, onDraw }: DrawingProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const from = useRef<readonly [number, number] | null>(null);
  const [color, setColor] = useState<string>(COLORS[0][1]);
  const [width, setWidth] = useState(14);
  const context = () => canvas.current!.getContext('2d')!;

  useEffect(() => {
    let isOver = false;
    const paper = context();
    paper.fillStyle = '#fff';
    paper.fillRect(0, 0, SIZE, SIZE);
    if (picture === null) return;
    void createImageBitmap(picture).then(
      (bitmap) => {
        if (isOver) return;
        const side = Math.min(bitmap.width, bitmap.height);
        const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
        // Large pixels stay pixels.
        paper.imageSmoothingEnabled = side > SIZE;
        paper.imageSmoothingQuality = 'high';
        paper.drawImage(bitmap, left, top, side, side, 0, 0, SIZE, SIZE);
        bitmap.close();
      },
      () => {},
    );
    return () => {
      isOver = true;
    };
  }, [picture]);

  const placeOf = ({ clientX, clientY }: PointerEvent): readonly [number, number] => {
    const { left, top, width: shown } = canvas.current!.getBoundingClientRect();
    return [((clientX - left) * SIZE) / shown, ((clientY - top) * SIZE) / shown];
  };
  const strokeTo = (to: readonly [number, number]) => {
    const paper = context();
    paper.strokeStyle = color;
    paper.lineWidth = width;
    paper.lineCap = 'round';
    paper.beginPath();
    paper.moveTo(...from.current!);
    paper.lineTo(...to);
    paper.stroke();
    from.current = to;
  };
  const end = () => {
    if (from.current === null) return;
    from.current = null;
    canvas.current!.toBlob((drawn) => onDraw(drawn));
  };
  return (
    <div class="drawing">
      <canvas
        ref={canvas}
        width={SIZE}
        height={SIZE}
        role="img"
        aria-label="Paper to draw on with mouse, pen or finger"
        onPointerDown={(event) => {
          canvas.current!.setPointerCapture(event.pointerId);
          from.current = placeOf(event);
          strokeTo(from.current);
        }}
        onPointerMove={(event) => {
          if (from.current !== null) strokeTo(placeOf(event));
        }}
        onPointerUp={end}
        onPointerCancel={end}
      />
      <div class="colors" role="group" aria-label="Colour">
        {COLORS.map(([name, value]) => (
          <button
            key={name}
            type="button"
            title={name}
            aria-label={name}
            aria-pressed={value === color}
            style={{ background: value }}
            onClick={() => setColor(value)}
          />
        ))}
      </div>
      <div class="tools">
        <label>
          Width
          <input
            type="range"
            min="4"
            max="48"
            value={width}
            onInput={({ currentTarget }) => setWidth(Number(currentTarget.value))}
          />
        </label>
        <button
          type="button"
          onClick={() => {
            context().fillStyle = '#fff';
            context().fillRect(0, 0, SIZE, SIZE);
            onDraw(null);
          }}
        >
          Clear
        </button>
      </div>
    </div>
  );
}
