/** Something that stands still while the program is stopped by Ctrl-Z: a process of its own session, a live line. */
export interface Suspendable {
  suspend(): void;
  resume(): void;
}

/** What the launcher waits for before it stops as well. */
const ABOUT_TO_STOP = 'about to stop';

const members = new Set<Suspendable>();

/** Stops something with the program at Ctrl-Z, and lets it go on with it. @returns what ends that. */
export function suspendWithProgram(member: Suspendable): () => void {
  members.add(member);
  return () => void members.delete(member);
}

/**
 * Stops the program at Ctrl-Z and lets it go on at `fg` or `bg`, with everything of it that is elsewhere. It has a session of
 * its own, so the terminal's signals come from the launcher, and the kernel's own answer to SIGTSTP would be to do nothing.
 */
export function installJobControl(): void {
  process.on('SIGTSTP', () => {
    for (const member of members) member.suspend();
    const stop = () => process.kill(process.pid, 'SIGSTOP');
    if (process.connected) process.send!(ABOUT_TO_STOP, stop);
    else stop();
  });
  process.on('SIGCONT', () => {
    for (const member of members) member.resume();
  });
}
