import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './clone.fixture.mjs';

/** Listens for stand-ins of pip: each one that downloads is told when to finish, and ends with the test at the latest. */
export async function listenForPips(wheel) {
  const path = join(temporaryDirectory(), 'pip.sock');
  const sockets = new Set();
  const arrived = [];
  const waiting = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    createInterface({ input: socket }).once('line', (line) => {
      const pip = {
        ...JSON.parse(line),
        finish: () => socket.write('go\n'),
        ended: once(socket, 'close'),
        end: () => socket.destroy(),
      };
      const waiter = waiting.shift();
      if (waiter) waiter(pip);
      else arrived.push(pip);
    });
  }).listen(path);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    env: { FAKE_PIP_SOCKET: path, FAKE_PIP_WHEEL: wheel },
    /** The next one that downloads. */
    next: () => (arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((take) => waiting.push(take))),
    count: () => sockets.size,
  };
}
