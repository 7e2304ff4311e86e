import { describe, expect, it } from 'vitest';
import { closeCodes, type Closure } from './connection.ts';
import { Strangers, type Stranger } from './strangers.ts';

class Caller implements Stranger {
  readonly closed: Promise<Closure>;
  bytesReceived = 1;
  code: number | null = null;
  #close!: (closure: Closure) => void;

  constructor(readonly remote: string) {
    this.closed = new Promise((resolve) => (this.#close = resolve));
  }

  cut(code: number, reason: string): void {
    this.code = code;
    this.#close({ code, reason });
  }
}

describe('strangers that have all spoken', () => {
  it('make room from the address that has the most of them, the oldest first: another address keeps its own', () => {
    const strangers = new Strangers(4);
    const honest = new Caller('192.0.2.1:1');
    const crowd = Array.from({ length: 100 }, (_, port) => new Caller(`192.0.2.66:${port}`));
    strangers.take(crowd[0]!);
    strangers.take(honest);
    for (const caller of crowd.slice(1)) strangers.take(caller);
    expect(strangers.size).toBe(4);
    expect(honest.code).toBeNull();
    expect(crowd.map(({ code }) => code)).toEqual([...Array<number>(97).fill(closeCodes.full), null, null, null]);
  });

  it('stay when one that has said nothing is there', () => {
    const strangers = new Strangers(2);
    const [talker, silent] = [new Caller('192.0.2.1:1'), new Caller('192.0.2.1:2')];
    silent.bytesReceived = 0;
    for (const caller of [talker, silent, new Caller('192.0.2.1:3')]) strangers.take(caller);
    expect([talker.code, silent.code]).toEqual([null, closeCodes.full]);
  });
});
