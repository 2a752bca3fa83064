/** Whether the service has begun to stop. Shared by those who answer differently from then on. */
export interface Lifecycle {
  draining: boolean;
}
