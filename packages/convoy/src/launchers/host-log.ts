import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileError, fileFaultText } from '@convoy/protocol/file-error';

/** What is said about and by the workers of one place on another machine, as lines of a file with their time. */
export class HostLog {
  readonly #path: string;
  readonly #onFault: (line: string) => void;
  #hasFailed = false;

  /**
   * @param folder is made if it is missing.
   * @param onFault told once when the disk refuses: a log that can't be written ends no worker.
   * @throws OperatorError when the folder can't be made.
   */
  constructor(folder: string, name: string, onFault: (line: string) => void) {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw fileError(error, `can't keep logs in ${folder}`);
    }
    this.#path = join(folder, `${name}.log`);
    this.#onFault = onFault;
  }

  add(line: string): void {
    try {
      appendFileSync(this.#path, `${new Date().toISOString()} ${line}\n`);
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#onFault(`can't write to ${this.#path}: ${fileFaultText(error) ?? (error as Error).message}`);
    }
  }
}
