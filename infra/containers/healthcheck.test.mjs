import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const HEALTHCHECK = fileURLToPath(new URL('healthcheck.mjs', import.meta.url));

async function exitCodeOf(url) {
  const [code] = await once(
    spawn(process.execPath, [HEALTHCHECK], { env: { ...process.env, CONVOY_HEALTH_URL: url } }),
    'close',
  );
  return code;
}

it("a container's health check ends with 0 where /healthz answers with 200, and with 1 where it does not or nobody listens", async () => {
  let status = 200;
  const server = createServer((_, response) => response.writeHead(status).end());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${server.address().port}/healthz`;
  expect(await exitCodeOf(url)).toBe(0);
  status = 503;
  expect(await exitCodeOf(url)).toBe(1);
  await new Promise((resolve) => server.close(resolve));
  expect(await exitCodeOf(url)).toBe(1);
});
