import { isIPv4 } from 'node:net';

/** Whether only this machine reaches a listener there. @param host an address, or `localhost`: another name may point anywhere. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  const address = host.replace(/^::ffff:/i, '');
  return isIPv4(address) && address.startsWith('127.');
}
