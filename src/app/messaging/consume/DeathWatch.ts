import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { ProcessRegister, RegisteredProcess } from '../../../ports/processRegister.ts';

export interface DeathWatchOptions {
  readonly register: ProcessRegister;
  /** Names this process, among all that ever were. */
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From one sign of life to the next; 2 s by default. */
  readonly beatMs?: number;
  /**
   * A dead process is remembered until nothing of it turned up for so long: by then the broker has noticed its death
   * and delivered again what it had in hand. A minute by default, three times what RabbitMQ takes to miss heartbeats.
   */
  readonly mourningMs?: number;
}

interface Other {
  readonly beats: number;
  /** It was alive at some time after this look. */
  readonly aliveAfter: number;
  /** Since when its beats have been standing still. */
  readonly stillSince: number;
}

/**
 * Knows whether a process may have died of what it had in hand. A broker that restarts and a connection that breaks
 * deliver again what nobody died of; only a process that stopped beating without signing off makes a message suspect.
 */
export class DeathWatch {
  readonly #options: DeathWatchOptions;
  readonly #beatMs: number;
  readonly #stopping = new AbortController();
  #others = new Map<string, Other>();
  #beats = 0;
  /** Looks at the others that began, and the last one that told something. */
  #looks = 0;
  #lastLook = 0;
  #looking: Promise<void> | null = null;
  #suspectedAt = Number.NEGATIVE_INFINITY;
  #started: Promise<void> | null = null;
  #beating: Promise<void> = Promise.resolve();

  constructor(options: DeathWatchOptions) {
    this.#options = options;
    this.#beatMs = options.beatMs ?? 2_000;
  }

  /** Resolves once others can see that this process lives, which waits for the database, or when it is stopped. */
  start(): Promise<void> {
    this.#started ??= this.#signOn();
    return this.#started;
  }

  /** This moment, for what comes now: not by the clock, which can be set. */
  mark(): number {
    return this.#looks;
  }

  /** Resolves when the others were looked at after this mark, or the watch is stopped. */
  async looked(mark: number): Promise<void> {
    while (this.#lastLook <= mark && !this.#stopping.signal.aborted) {
      try {
        await this.#look();
      } catch (err) {
        this.#options.logger.warn({ err }, 'cannot look for consumers that died; trying again');
        await this.#options.clock.sleep(this.#beatMs, this.#stopping.signal);
      }
    }
  }

  /**
   * Whether another process may have died before this mark, yet after this time (ms since the epoch), as far as the
   * last look tells.
   */
  mayHaveDied(before: number, after = Number.NEGATIVE_INFINITY): boolean {
    for (const { aliveAfter, stillSince } of this.#others.values()) {
      // One that lives has beaten again by then, also where clocks differ a little.
      if (aliveAfter > before || after > stillSince + 3 * this.#beatMs) continue;
      this.#suspectedAt = this.#options.clock.now();
      return true;
    }
    return false;
  }

  /** Signs off. To be called when nothing is in hand any more. */
  async stop(): Promise<void> {
    await this.abandon();
    if (this.#started !== null) await this.#options.register.remove([this.#options.id]);
  }

  /**
   * Ends without signing off. To be called when something may still be in hand: it ends with the process, and others
   * are to take care of it as if that had been a death.
   */
  async abandon(): Promise<void> {
    this.#stopping.abort();
    await this.#started;
    await this.#beating;
  }

  async #signOn(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (await this.#beat()) {
        this.#beating = this.#keepBeating();
        return;
      }
      await this.#options.clock.sleep(this.#beatMs, this.#stopping.signal);
    }
  }

  async #keepBeating(): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(this.#beatMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      await this.#beat();
    }
  }

  /** Returns whether it reached the database. */
  async #beat(): Promise<boolean> {
    const { register, id, logger } = this.#options;
    try {
      this.#beats += 1;
      await register.beat({ id, beats: this.#beats });
      await this.#look();
      await this.#forgetDead();
      return true;
    } catch (err) {
      logger.warn({ err }, 'this consumer cannot give a sign of life in the database; trying again');
      return false;
    }
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { register, id, clock } = this.#options;
    this.#looks += 1;
    const look = this.#looks;
    const rows = await register.others(id);
    const now = clock.now();
    this.#others = new Map(rows.map((row) => [row.id, this.#judge(row, now)]));
    this.#lastLook = look;
  }

  #judge({ id, beats }: RegisteredProcess, now: number): Other {
    const known = this.#others.get(id);
    // It has beaten since the last look; of one that was there at the very first, nothing is known.
    return known?.beats === beats ? known : { beats, aliveAfter: this.#lastLook, stillSince: now };
  }

  async #forgetDead(): Promise<void> {
    const { register, clock, mourningMs = 60_000 } = this.#options;
    const quietSince = clock.now() - mourningMs;
    if (this.#suspectedAt > quietSince) return;
    const dead = [...this.#others].filter(([, { stillSince }]) => stillSince <= quietSince).map(([id]) => id);
    if (dead.length === 0) return;
    await register.remove(dead);
    for (const id of dead) this.#others.delete(id);
  }
}
