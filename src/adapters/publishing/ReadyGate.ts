import type { ConnectionState } from '../../ports/broker.ts';

/** The state of a publisher, and those who wait for it to be `connected`. `closed` is final. */
export class ReadyGate {
  private current: ConnectionState = 'connecting';
  private readonly waiting = new Set<() => void>();

  get state(): ConnectionState {
    return this.current;
  }

  set(state: ConnectionState): void {
    if (this.current === 'closed') return;
    this.current = state;
    if (state !== 'connected') return;
    for (const wake of [...this.waiting]) wake();
  }

  /** Resolves when connected or aborted; never rejects. */
  whenReady(signal: AbortSignal): Promise<void> {
    if (this.current === 'connected' || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
