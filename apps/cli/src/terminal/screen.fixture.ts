import xterm from '@xterm/headless';

/** What can be read on a terminal that was sent some output: an emulator breaks lines anew when it is resized, as most terminals do. */
export class Screen {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;

  constructor({ columns, rows }: { readonly columns: number; readonly rows: number }) {
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: 5_000,
      allowProposedApi: true,
      // A pseudo-terminal's line discipline turns line feeds into these.
      convertEol: true,
    });
  }

  write(text: string): void {
    this.#terminal.write(text);
  }

  /** After what was written until now. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#taken();
    this.#terminal.resize(columns, rows);
  }

  /** All lines from the first that was written, those included that have left the screen, as they can be read. */
  async lines(): Promise<readonly string[]> {
    await this.#taken();
    const buffer = this.#terminal.buffer.active;
    const lines = Array.from({ length: buffer.length }, (_, row) => buffer.getLine(row)!.translateToString(true));
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
  }

  #taken(): Promise<void> {
    return new Promise((resolve) => this.#terminal.write('', resolve));
  }
}
