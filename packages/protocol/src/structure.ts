/** How large a message may be, its texts and tensors apart. */
export interface Size {
  /** Keys and values. */
  readonly items: number;
  /** How deep its fields are nested. */
  readonly depth: number;
}

/**
 * Walks over MessagePack without building anything, and refuses what no message of Convoy is: deep nesting, many items,
 * extension types, lengths beyond the bytes. Some megabytes of empty maps would keep the decoder, and with it every other
 * peer, busy for seconds.
 * @throws Error saying what is wrong.
 */
export function assertModest(bytes: Uint8Array, most: Size): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Items still to come, per level. */
  const open = [1];
  let items = 0;
  let at = 0;
  const length = (size: 1 | 2 | 4): number => {
    if (at + size > bytes.length) throw new Error('it ends early');
    const value = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
    at += size;
    return value;
  };
  const skip = (count: number) => {
    at += count;
    if (at > bytes.length) throw new Error('it ends early');
  };
  const enter = (count: number) => {
    items += count;
    if (items > most.items) throw new Error(`more than ${most.items} items`);
    if (open.push(count) > most.depth) throw new Error(`nested deeper than ${most.depth}`);
  };
  while (open.length > 0) {
    if (open[open.length - 1]! === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]!--;
    const tag = length(1);
    if (tag < 0x80 || tag >= 0xe0) continue;
    else if (tag < 0x90) enter(2 * (tag & 0x0f));
    else if (tag < 0xa0) enter(tag & 0x0f);
    else if (tag < 0xc0) skip(tag & 0x1f);
    else {
      const kind = KINDS[tag - 0xc0]!;
      switch (kind.is) {
        case 'nothing':
          break;
        case 'number':
          skip(kind.bytes);
          break;
        case 'bytes':
          skip(length(kind.bytes));
          break;
        case 'array':
          enter(length(kind.bytes));
          break;
        case 'map':
          enter(2 * length(kind.bytes));
          break;
        case 'refused':
          throw new Error(`tag 0x${tag.toString(16)} is no part of a message`);
      }
    }
  }
}

type Kind =
  | { readonly is: 'nothing' | 'refused' }
  | { readonly is: 'number'; readonly bytes: 1 | 2 | 4 | 8 }
  | { readonly is: 'bytes' | 'array' | 'map'; readonly bytes: 1 | 2 | 4 };

const refused: Kind = { is: 'refused' };
const nothing: Kind = { is: 'nothing' };

/** What follows each tag from 0xc0 to 0xdf; `bytes` is the size of the number or of the length. */
const KINDS: readonly Kind[] = [
  nothing,
  refused,
  nothing,
  nothing,
  ...([1, 2, 4] as const).map((bytes): Kind => ({ is: 'bytes', bytes })),
  refused,
  refused,
  refused,
  { is: 'number', bytes: 4 },
  { is: 'number', bytes: 8 },
  ...([1, 2, 4, 8, 1, 2, 4, 8] as const).map((bytes): Kind => ({ is: 'number', bytes })),
  ...Array.from({ length: 5 }, () => refused),
  ...([1, 2, 4] as const).map((bytes): Kind => ({ is: 'bytes', bytes })),
  ...([2, 4] as const).map((bytes): Kind => ({ is: 'array', bytes })),
  ...([2, 4] as const).map((bytes): Kind => ({ is: 'map', bytes })),
];
