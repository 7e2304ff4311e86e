// Stands in for `python3`: answers `-c` at once; for `-m pip download -d DIR` it connects to the socket in FAKE_PIP_SOCKET,
// writes half of the wheel in FAKE_PIP_WHEEL where pip would, says so, and finishes when told to. It ends with the socket.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';

const [option, ...args] = process.argv.slice(2);
if (option === '-m') {
  const wheel = process.env.FAKE_PIP_WHEEL;
  const socket = connect(process.env.FAKE_PIP_SOCKET);
  const content = readFileSync(wheel);
  writeFileSync(join(process.env.TMPDIR, basename(wheel)), content.subarray(0, content.length / 2));
  socket.write(`${JSON.stringify({ pid: process.pid, args })}\n`);
  socket.on('data', () => {
    copyFileSync(wheel, join(args[args.indexOf('-d') + 1], basename(wheel)));
    process.exit(0);
  });
  socket.on('close', () => process.exit(1));
}
