import { describe, expect, it } from 'vitest';
import { closeCodes } from './connection.ts';
import { IncomingLimits } from './incoming-limits.ts';

const READ = 64 * 1024;
const options = { strangerBytes: 1_000, smallMessageBytes: 500, burst: 3, perSecond: 2 };

describe('IncomingLimits', () => {
  it('lets a stranger send so much in all, whole messages or not', () => {
    const limits = new IncomingLimits(0, options);
    limits.messageIsWhole(900);
    expect(limits.faultOfBytes(1_000)).toBeNull();
    expect(limits.faultOfBytes(1_001)).toMatchObject({ code: closeCodes.tooLarge });
  });

  it('lets a peer that was admitted go on, one small message after the other', () => {
    const limits = new IncomingLimits(0, options);
    limits.admit();
    for (let bytes = 0; bytes < 1e6; bytes += 500) {
      expect(limits.faultOfBytes(bytes + 500)).toBeNull();
      limits.messageIsWhole(bytes + 500);
    }
  });

  it('refuses a large message that nobody expects, and takes one that is expected', () => {
    const limits = new IncomingLimits(0, options);
    limits.admit();
    limits.messageIsWhole(200);
    expect(limits.faultOfBytes(200 + 501 + READ)).toMatchObject({ code: closeCodes.tooLarge });
    limits.expect(1e6);
    expect(limits.faultOfBytes(200 + 1e6 + READ)).toBeNull();
    limits.messageIsWhole(200 + 1e6);
    limits.expect(0);
    expect(limits.faultOfBytes(200 + 1e6 + 501 + READ)).toMatchObject({ code: closeCodes.tooLarge });
  });

  it('takes a burst, and then so many messages a second', () => {
    const limits = new IncomingLimits(0, options);
    for (let i = 0; i < 3; i++) expect(limits.faultOfFrequency(0)).toBeNull();
    for (let nowMs = 500; nowMs < 10_000; nowMs += 500) expect(limits.faultOfFrequency(nowMs)).toBeNull();
    expect(limits.faultOfFrequency(9_501)).toMatchObject({ code: closeCodes.flooding });
  });

  it('does not count what had been asked for', () => {
    const limits = new IncomingLimits(0, options);
    for (let i = 0; i < 100; i++) {
      expect(limits.faultOfFrequency(0)).toBeNull();
      limits.excuse();
    }
    for (let i = 0; i < 3; i++) expect(limits.faultOfFrequency(0)).toBeNull();
    expect(limits.faultOfFrequency(0)).toMatchObject({ code: closeCodes.flooding });
  });
});
