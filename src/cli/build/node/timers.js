// Timers, and the loop that runs a handler to its end: jobs first, then whatever timer is due or request over, else wait
// in the host.
import { sleep } from 'verge:edge/context@0.1.0';
import { areUnderWay, settleOne } from './exchanges.js';
import { drain } from './promise.js';

const timers = new Map();
let last = 0;

class Timeout {
  constructor(id) { this.id = id; }
  ref() { const timer = timers.get(this.id); if (timer) timer.weak = false; return this; }
  unref() { const timer = timers.get(this.id); if (timer) timer.weak = true; return this; }
  hasRef() { return timers.get(this.id)?.weak === false; }
  refresh() { const timer = timers.get(this.id); if (timer) timer.at = Date.now() + timer.delay; return this; }
  [Symbol.toPrimitive]() { return this.id; }
}

function start(action, delay, args, repeat) {
  if (typeof action !== 'function') throw new TypeError('The "callback" argument must be of type function');
  delay = Math.max(1, Number(delay) || 1);
  const id = ++last;
  timers.set(id, { at: Date.now() + delay, delay, repeat, weak: false, run: () => action(...args) });
  return new Timeout(id);
}

const stop = (timer) => { timers.delete(typeof timer === 'object' && timer !== null ? timer.id : Number(timer)); };

export const setTimeout = (action, delay, ...args) => start(action, delay, args, false);
export const setInterval = (action, delay, ...args) => start(action, delay, args, true);
export const setImmediate = (action, ...args) => start(action, 0, args, false);
export const clearTimeout = stop, clearInterval = stop, clearImmediate = stop;
export const promises = { setTimeout: (delay, value) => new Promise((resolve) => setTimeout(() => resolve(value), delay)) };
Object.assign(globalThis, { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate });

/** Runs until `isDone` says so (it is told whether nothing waits any more), or nothing is left to run. */
export function runUntil(isDone) {
  for (;;) {
    drain();
    const asks = areUnderWay();
    // A weak timer keeps nothing running, and goes off while something else does.
    const idle = !asks && ![...timers.values()].some((timer) => !timer.weak);
    if (isDone(idle) || idle) return;
    if (timers.size === 0) {
      settleOne(undefined);
      continue;
    }
    const [id, next] = [...timers].reduce((a, b) => (b[1].at < a[1].at ? b : a));
    const left = Math.max(0, Math.ceil(next.at - Date.now()));
    if (asks && settleOne(left)) continue;
    if (!asks && left > 0) sleep(left);
    if (next.repeat) next.at = Date.now() + next.delay;
    else timers.delete(id);
    next.run();
  }
}

export default { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate, promises };
