// Whether the coordinator in this container turns its event loop: GET /healthz, which needs no token.
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';

const { CONVOY_HEALTH_URL = 'http://127.0.0.1:7311/healthz' } = process.env;
const get = CONVOY_HEALTH_URL.startsWith('https:') ? getSecure : getPlain;
// The certificate is for another name than this address; nothing secret is sent.
const request = get(CONVOY_HEALTH_URL, { rejectUnauthorized: false, timeout: 4_000 }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
);
request.on('error', () => process.exit(1));
request.on('timeout', () => process.exit(1));
