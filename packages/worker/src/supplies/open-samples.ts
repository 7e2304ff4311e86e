import { openSync, readSync } from 'node:fs';
import type { Dataset, Split } from '@convoy/model/dataset';
import { recordsDataset } from '@convoy/model/sample-records';
import { DoorClient } from '@convoy/transport/door-client';
import { HeldRecords } from './held-records.ts';
import type { SampleSource } from './provision.ts';

/** A data set of the coordinator's samples: those of a file, which was verified, or those that are fetched when they are leased. */
export function openSamples({ description, from }: SampleSource): Dataset {
  if (from.kind === 'coordinator') {
    const held = new HeldRecords({
      client: new DoorClient(from.address),
      recordBytes: description.recordBytes,
      holdBytes: from.holdBytes,
    });
    return recordsDataset({
      description,
      origin: 'the samples of the coordinator, as they are leased',
      recordOf: (split, index) => held.recordOf(split, index),
      hold: (split, indices, isWanted) => held.hold(split, indices, isWanted),
    });
  }
  // Open as long as the process lives: the cache may let go of the file meanwhile.
  const files: Readonly<Record<Split, number>> = { train: openSync(from.train, 'r'), test: openSync(from.test, 'r') };
  const record = new Uint8Array(description.recordBytes);
  return recordsDataset({
    description,
    origin: 'the samples of the coordinator, in the cache',
    recordOf(split, index) {
      const count = readSync(files[split], record, 0, record.length, index * record.length);
      if (count !== record.length) throw new Error(`the ${split} samples in the cache were cut short while in use`);
      return record;
    },
  });
}
