import { afterEach, describe, expect, it, vi } from 'vitest';
import { onStopSignal } from '../../src/app/onStopSignal.ts';

describe('a stop signal', () => {
  const calls: string[] = [];
  let release = () => {};
  afterEach(() => {
    release();
    vi.useRealTimers();
    calls.length = 0;
  });
  const listen = () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const again = () => calls.push('again');
    release = onStopSignal(['SIGUSR2'], (signal) => calls.push(signal), again);
  };
  const send = () => process.emit('SIGUSR2', 'SIGUSR2');

  it('is told once, whatever comes in the half second after it', () => {
    listen();
    send();
    vi.advanceTimersByTime(500);
    send();
    expect(calls).toEqual(['SIGUSR2']);
  });

  it('means no more waiting when it comes again later', () => {
    listen();
    send();
    vi.advanceTimersByTime(501);
    send();
    expect(calls).toEqual(['SIGUSR2', 'again']);
  });

  it('is left to others after the release', () => {
    listen();
    release();
    expect(send()).toBe(false);
    expect(calls).toEqual([]);
  });
});
