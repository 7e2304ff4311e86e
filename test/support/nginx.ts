import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './network.ts';

/** What this machine lacks for {@link reverseProxy}; null if it lacks nothing. */
export function nginxObstacle(): string | null {
  for (const tool of ['nginx', 'openssl']) {
    if (spawnSync(tool, ['-v']).error !== undefined) return `there is no ${tool}: install nginx-light and openssl`;
  }
  return null;
}

export interface ReverseProxy {
  /** The certificate, which signs itself. */
  readonly certificate: string;
  stop(): void;
}

/**
 * nginx with TLS on a host, as one stands before services on the open net: everything below a path goes to another address, and
 * a connection on which the service behind says nothing for a while is ended.
 * @param folder is made; everything is in it.
 * @param name of the certificate.
 */
export function reverseProxy(
  host: Host,
  folder: string,
  { name, path, to, idleSeconds }: { name: string; path: string; to: string; idleSeconds: number },
): ReverseProxy {
  mkdirSync(folder);
  const [certificate, key, settings] = ['cert.pem', 'key.pem', 'nginx.conf'].map((file) => join(folder, file)) as [string, string, string]; // prettier-ignore
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -addext subjectAltName=DNS:${name} -keyout ${key} -out ${certificate}`.split(' '), // prettier-ignore
    { stdio: 'ignore' },
  );
  writeFileSync(
    settings,
    `
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log;
events {}
http {
  access_log ${folder}/access.log;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen 443 ssl;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    location ${path} {
      proxy_pass ${to};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout ${idleSeconds}s;
      proxy_send_timeout ${idleSeconds}s;
    }
  }
}
`,
  );
  const [program, ...args] = [...host.through, 'nginx', '-p', folder, '-c', settings, '-e', join(folder, 'error.log')];
  // Says what is wrong, if anything is.
  execFileSync(program!, [...args, '-t'], { stdio: 'pipe' });
  const child = spawn(program!, args, { stdio: 'ignore' });
  return { certificate, stop: () => void child.kill() };
}
