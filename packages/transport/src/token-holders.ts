import { closeCodes, type Closure } from './connection.ts';
import type { KnownToken, TokenBook } from './tokens.ts';

/** What is asked of a connection that was let in for its token. */
export interface TokenHolder {
  readonly closed: Promise<Closure>;
  close(code: number, reason: string): void;
}

/** Connections by the token that let them in: with the token they lose their place. */
export class TokenHolders {
  readonly #holders = new Map<TokenHolder, KnownToken>();

  constructor(tokens: TokenBook) {
    tokens.onChange(() => {
      for (const [holder, token] of this.#holders) {
        // It connects again, with another token if it has one by now, and is refused for good if not.
        if (!tokens.isValid(token)) holder.close(closeCodes.goingAway, 'its token is not valid any more');
      }
    });
  }

  add(holder: TokenHolder, token: KnownToken): void {
    this.#holders.set(holder, token);
    void holder.closed.then(() => this.#holders.delete(holder));
  }
}
