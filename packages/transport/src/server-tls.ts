import type { Server } from 'node:https';

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** The certificate that a door shows at the moment. */
export interface ServerTls {
  readonly current: Certificate;
  /** Has a server show the certificate that is current from now on. */
  follow(server: Pick<Server, 'setSecureContext' | 'once'>): void;
}
