import type { IncomingMessage } from 'node:http';
import { answerJson, answerText, askAgain, type Route } from '@convoy/transport/routes';
import type { OfferedModel } from '../replay/offered-model.ts';
import type { RunSource } from './run-list.ts';

/** The models of runs, as the files of TensorFlow.js. */
export interface ModelSource {
  /** The best that a run has so far; null where it has none, or none that images can be tried with. */
  readonly offer: (folder: string) => Promise<OfferedModel | null>;
  /** A checkpoint's `model.json` and weights; null where there is none of that name. */
  readonly files: (folder: string, checkpoint: string) => Promise<ReadonlyMap<string, Uint8Array> | null>;
}

/** Weights that are sent at a time. */
const MAX_SENDING = 4;
const RETRY_AFTER_S = 2;

/**
 * `/v1/model` says which model a run has so far, `/v1/model/CHECKPOINT/model.json` is that model: `tf.loadLayersModel` takes the address.
 */
export function modelRoutes(runs: RunSource, models: ModelSource): readonly Route[] {
  let sending = 0;
  const folderOf = ({ url = '' }: IncomingMessage) =>
    runs.folderOf(new URL(url, 'http://door').searchParams.get('run'));
  return [
    {
      method: 'GET',
      path: '/v1/model',
      role: 'viewer',
      async handle(request, response) {
        const folder = folderOf(request);
        const offered = folder === null ? null : await models.offer(folder);
        if (offered === null) return answerText(response, 404, 'there is no model here that images can be tried with');
        answerJson(response, 200, offered);
      },
    },
    {
      method: 'GET',
      path: '/v1/model/',
      role: 'viewer',
      async handle(request, response, { rest }) {
        const folder = folderOf(request);
        const [checkpoint = '', name = '', ...more] = rest.split('/');
        if (folder === null || more.length > 0) return answerText(response, 404, 'there is no such model here');
        if (sending >= MAX_SENDING) return askAgain(response, 'the model is being sent to others', RETRY_AFTER_S);
        sending++;
        response.once('close', () => sending--);
        const file = (await models.files(folder, checkpoint))?.get(name);
        if (file === undefined) return answerText(response, 404, 'there is no such model here');
        response.writeHead(200, {
          'content-type': name.endsWith('.json') ? 'application/json' : 'application/octet-stream',
          'content-length': file.byteLength,
        });
        response.end(file);
      },
    },
  ];
}
