import type { KeyObject } from 'node:crypto';
import type { CallbackContent } from '../../../ports/callbackService.ts';

/** What a signature is checked against. */
export interface SignedRequest {
  /** A header's value, or undefined unless it was sent exactly once: of two one cannot know which was meant. */
  header(name: string): string | undefined;
  /** As it came, not decoded in any way. */
  readonly body: Buffer;
}

/**
 * How senders sign their callbacks, and how they put what they have to say. Pure: another scheme is another value of
 * this type, a name for it in the configuration, and a test against that sender's own signer.
 */
export interface CallbackScheme {
  /** The key that a configured secret stands for. */
  readonly keyOf: (secret: string) => KeyObject;
  /**
   * The callback's id, or null when it is not genuine, or not of now (ms since the epoch). Computes and compares with
   * every key whatever else is wrong, so that its time tells nothing of the reason.
   */
  readonly verify: (request: SignedRequest, keys: readonly KeyObject[], now: number) => string | null;
  /** What a verified body says. Throws `HttpProblem` when it breaks the scheme's rules. */
  readonly read: (body: object) => Exclude<CallbackContent, { readonly kind: 'invalid' }>;
}

/** A sender that is known here. */
export interface CallbackProvider {
  readonly scheme: CallbackScheme;
  /** All that count now: while a secret is being replaced there are two. */
  readonly keys: readonly KeyObject[];
}
