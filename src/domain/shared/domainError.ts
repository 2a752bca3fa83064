/**
 * Why a command was refused. `code` is stable and machine-readable; `detail` is a sentence for people that names
 * the state and the command; `pointer` is the JSON Pointer fragment of the offending member, where there is one.
 */
export interface DomainError {
  readonly code: 'not_found' | 'order_state_conflict' | 'insufficient_stock' | 'invalid_request';
  readonly detail: string;
  readonly pointer?: string;
}
