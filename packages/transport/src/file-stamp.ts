import { statSync } from 'node:fs';

/** Text that changes whenever one of the files does. A mounted secret is another file each time. */
export function fileStamp(...paths: readonly string[]): string {
  return paths
    .map((path) => {
      try {
        const { ino, mtimeMs, size } = statSync(path);
        return `${ino} ${mtimeMs} ${size}`;
      } catch {
        return 'gone';
      }
    })
    .join(', ');
}
