/**
 * What tells a peer from others whatever it calls itself: its address without the port. Of IPv6 the network, in which one host has as
 * many addresses as it likes.
 */
export function originOf(remote: string): string {
  const address = remote.includes(':') ? remote.slice(0, remote.lastIndexOf(':')) : remote;
  const isVersion6 = address.includes(':') && !address.includes('.');
  if (!isVersion6) return address;
  const network = address.split('::')[0]!.split(':').slice(0, 4).join(':');
  // Of ::1 the loopback's own, and of a few others that nobody has, the first half has no digits.
  return network === '' ? address : network;
}
