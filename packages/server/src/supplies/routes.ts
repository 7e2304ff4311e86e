import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson, answerText, askAgain, type Route } from '@convoy/transport/routes';
import { sendBytes, type ServedBytes } from '@convoy/transport/send-bytes';
import { splitOf, type Supplies } from './supplies.ts';

/** Downloads at a time: more are asked to come back. Each holds a chunk or two in memory. */
const MAX_DOWNLOADS = 8;
/** Records in one answer. They are put together before the first is sent. */
const MAX_RECORDS = 1_024;
/** Bytes of them. */
const MAX_RECORDS_BYTES = 8 * 1024 * 1024;
/** When to ask again. */
const RETRY_AFTER_S = 1;

/**
 * What a bare worker asks for: what the run needs, the workload's code, the data.
 * @param supplies null until the run is there. A run that goes on after it went back to a checkpoint has the same.
 */
export function supplyRoutes(supplies: () => Supplies | null): readonly Route[] {
  let downloads = 0;
  const whenReady =
    (answer: Answer): Route['handle'] =>
    (request, response, { rest }) => {
      const there = supplies();
      if (there === null) return askAgain(response, 'the run is not ready yet', RETRY_AFTER_S);
      return answer(there, request, response, rest);
    };
  const download = async (response: ServerResponse, send: () => Promise<void>) => {
    if (downloads >= MAX_DOWNLOADS)
      return askAgain(response, `${MAX_DOWNLOADS} downloads are under way`, RETRY_AFTER_S);
    downloads++;
    try {
      await send();
    } finally {
      downloads--;
    }
  };
  const sendFile = async (request: IncomingMessage, response: ServerResponse, file: ServedBytes | null) => {
    if (file === null) return answerText(response, 404, 'this run has no such file');
    return download(response, () => sendBytes(request, response, file));
  };
  return [
    {
      method: 'GET',
      path: '/v1/run',
      role: 'worker',
      handle: whenReady(async (there, request, response) => {
        response.setHeader('etag', there.etag);
        // A worker that comes back needs no digests, which a coordinator that was resumed has yet to make.
        if (request.headers['if-none-match'] === there.etag) return void response.writeHead(304).end();
        answerJson(response, 200, await there.describe());
      }),
    },
    {
      method: 'GET',
      path: '/v1/workload',
      role: 'worker',
      handle: whenReady(async ({ code }, request, response) => sendFile(request, response, code)),
    },
    {
      method: 'GET',
      path: '/v1/data/',
      role: 'worker',
      handle: whenReady(async (there, request, response, name) => {
        const records = new URL(request.url!, 'http://door').searchParams.get('records');
        if (records === null) return sendFile(request, response, await there.file(name));
        return download(response, () => sendRecords(there, name, records, response));
      }),
    },
  ];
}

type Answer = (supplies: Supplies, request: IncomingMessage, response: ServerResponse, rest: string) => Promise<void>;

/** Answers with the records of some samples, `3,17,40-48`, in this order. */
async function sendRecords(supplies: Supplies, name: string, list: string, response: ServerResponse): Promise<void> {
  const split = splitOf(name);
  const indices = parseRecords(list);
  if (split === null || indices === null)
    return answerText(response, 400, 'records are asked for as 3,17,40-48 of train.samples or test.samples');
  if (
    indices.length > MAX_RECORDS ||
    indices.length * supplies.recordBytes > Math.max(MAX_RECORDS_BYTES, supplies.recordBytes)
  ) {
    return answerText(response, 413, `at most ${MAX_RECORDS} records and ${MAX_RECORDS_BYTES} bytes at a time`);
  }
  let bytes: Uint8Array;
  try {
    bytes = await supplies.records(split, indices);
  } catch (error) {
    if (error instanceof RangeError) return answerText(response, 416, error.message);
    throw error;
  }
  const digest = createHash('sha256').update(bytes).digest('base64');
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response
      .writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': bytes.length,
        // RFC 9530.
        'content-digest': `sha-256=:${digest}:`,
      })
      .end(bytes, resolve);
  });
}

/** Indices as a query names them; null for what is none, or are too many. */
function parseRecords(list: string): readonly number[] | null {
  const indices: number[] = [];
  for (const part of list.split(',')) {
    const [, first, last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) - Number(first) >= MAX_RECORDS) return null;
    for (let index = Number(first); index <= Number(last!); index++) indices.push(index);
    if (indices.length > MAX_RECORDS) return null;
  }
  return indices;
}
