/** Bounds how many tasks run at once; the others wait in the order they came. */
export interface Slots {
  /** Runs the task now or when one ends; `task` resolves when its slot is free again and never rejects. */
  run(task: () => Promise<void>): void;
  /** Forgets those that wait. */
  clear(): void;
  readonly waiting: number;
  readonly running: number;
}

export function createSlots(atOnce: number): Slots {
  let queue: (() => Promise<void>)[] = [];
  let running = 0;

  function start(task: () => Promise<void>): void {
    running++;
    void task().then(() => {
      running--;
      const next = queue.shift();
      if (next) start(next);
    });
  }

  return {
    run(task) {
      if (running < atOnce) start(task);
      else queue.push(task);
    },
    clear() {
      queue = [];
    },
    get waiting() {
      return queue.length;
    },
    get running() {
      return running;
    },
  };
}
