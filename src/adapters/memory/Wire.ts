/** Runs a task later. Tasks of one wire keep their order whatever this does, so a test may pick any order at all. */
export type Schedule = (task: () => void) => void;

/** Schedules in turns of the event loop: what a turn adds runs in the next one, so that I/O is not starved. */
export const scheduleByTurns = (): Schedule => {
  let waiting: (() => void)[] = [];
  const turn = (): void => {
    const tasks = waiting;
    waiting = [];
    for (const task of tasks) task();
  };
  return (task) => {
    if (waiting.length === 0) setImmediate(turn);
    waiting.push(task);
  };
};

/** One direction of a connection: what goes in comes out later, in order, unless the connection breaks first. */
export class Wire {
  private readonly schedule: Schedule;
  private underWay: (() => void)[] = [];
  private next = 0;
  private paused = false;
  private waitingSteps = 0;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
  }

  push(arrival: () => void): void {
    this.underWay.push(arrival);
    this.schedule(this.step);
  }

  /** The other end stops reading; nothing is lost. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const steps = this.waitingSteps;
    this.waitingSteps = 0;
    for (let count = 0; count < steps; count += 1) this.schedule(this.step);
  }

  /** What is under way is lost. */
  cut(): void {
    this.underWay = [];
    this.next = 0;
    this.waitingSteps = 0;
  }

  private readonly step = (): void => {
    if (this.paused) {
      this.waitingSteps += 1;
      return;
    }
    const arrival = this.underWay[this.next];
    // A step that was scheduled before the wire was cut finds nothing, or does the work of a later one.
    if (arrival === undefined) return;
    this.next += 1;
    if (this.next === this.underWay.length || this.next >= 1024) {
      this.underWay = this.underWay.slice(this.next);
      this.next = 0;
    }
    arrival();
  };
}
