/** Output of the demonstration: sentences and progress bars, to a terminal or into a pipe. */
import { styleText } from 'node:util';

export class Story {
  readonly #out: NodeJS.WriteStream;
  #bar = '';

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  print(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
    this.#draw();
  }

  heading(text: string): void {
    this.print(`\n${styleText('bold', text, { stream: this.#out })}`);
  }

  alarm(text: string): void {
    this.print(styleText('red', text, { stream: this.#out }));
  }

  quiet(text: string): void {
    this.print(styleText('dim', text, { stream: this.#out }));
  }

  /** Redraws the bar; into a pipe a line for each quarter is enough. */
  progress(moved: number, total: number, by: string): void {
    const width = 36;
    const full = total === 0 ? 0 : Math.round((moved / total) * width);
    const bar = `  ${'█'.repeat(full)}${'░'.repeat(width - full)} ${String(moved).padStart(2)}/${total} instances moved, engine on ${by}`;
    if (this.#out.isTTY) {
      this.#clear();
      this.#bar = bar;
      this.#draw();
    } else if (moved > 0 && moved % Math.ceil(total / 4) === 0 && bar !== this.#bar) {
      this.#bar = bar;
      this.#out.write(`${bar}\n`);
    }
  }

  endProgress(): void {
    if (this.#out.isTTY && this.#bar) this.#out.write('\n');
    this.#bar = '';
  }

  #clear(): void {
    if (this.#out.isTTY && this.#bar) this.#out.write('\r\x1b[2K');
  }

  #draw(): void {
    if (this.#out.isTTY && this.#bar) this.#out.write(this.#bar);
  }
}
