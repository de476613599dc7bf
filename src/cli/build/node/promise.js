// The engine runs promise jobs only after an export returned, which is too late for a handler's result. So promises are
// made here, with a queue that the adapter can empty itself; `async` functions come lowered to generators over them.

const jobs = [];
let head = 0;

/** Queues a job. */
export function enqueue(job) { jobs.push(job); }

/** Runs jobs until none is left. */
export function drain() {
  while (head < jobs.length) {
    const job = jobs[head++];
    if (head > 1024) { jobs.splice(0, head); head = 0; }
    job();
  }
  jobs.length = 0;
  head = 0;
}

const unhandled = new Set();

/** The reasons of rejected promises that nobody looked at, once. */
export function takeUnhandled() {
  const reasons = [...unhandled].map((promise) => promise._value);
  unhandled.clear();
  return reasons;
}

class Promise {
  constructor(executor) {
    if (typeof executor !== 'function') throw new TypeError('Promise resolver is not a function');
    this._define('_state', 'pending');
    this._define('_value', undefined);
    this._define('_reactions', []);
    const { resolve, reject } = this._functions();
    try { executor(resolve, reject); } catch (error) { reject(error); }
  }

  _define(name, value) {
    Object.defineProperty(this, name, { value, writable: true, enumerable: false });
  }

  _functions() {
    let called = false;
    const once = (settle) => (value) => {
      if (called) return;
      called = true;
      settle(value);
    };
    return { resolve: once((value) => this._resolve(value)), reject: once((reason) => this._settle('rejected', reason)) };
  }

  _resolve(value) {
    if (value === this) return this._settle('rejected', new TypeError('Chaining cycle detected for promise'));
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return this._settle('fulfilled', value);
    let then;
    try { then = value.then; } catch (error) { return this._settle('rejected', error); }
    if (typeof then !== 'function') return this._settle('fulfilled', value);
    enqueue(() => {
      const { resolve, reject } = this._functions();
      try { then.call(value, resolve, reject); } catch (error) { reject(error); }
    });
  }

  _settle(state, value) {
    this._state = state;
    this._value = value;
    const reactions = this._reactions;
    this._reactions = [];
    if (state === 'rejected' && reactions.length === 0) unhandled.add(this);
    for (const reaction of reactions) enqueue(reaction);
  }

  then(onFulfilled, onRejected) {
    const Species = this.constructor?.[Symbol.species] ?? Promise;
    return new Species((resolve, reject) => {
      const react = () => {
        const fulfilled = this._state === 'fulfilled';
        const handler = fulfilled ? onFulfilled : onRejected;
        if (typeof handler !== 'function') return (fulfilled ? resolve : reject)(this._value);
        try { resolve(handler(this._value)); } catch (error) { reject(error); }
      };
      unhandled.delete(this);
      if (this._state === 'pending') this._reactions.push(react);
      else enqueue(react);
    });
  }

  catch(onRejected) { return this.then(undefined, onRejected); }

  finally(action) {
    if (typeof action !== 'function') return this.then(action, action);
    return this.then(
      (value) => Promise.resolve(action()).then(() => value),
      (reason) => Promise.resolve(action()).then(() => { throw reason; }),
    );
  }

  get [Symbol.toStringTag]() { return 'Promise'; }
  static get [Symbol.species]() { return this; }

  static resolve(value) {
    return value instanceof Promise && value.constructor === this ? value : new this((resolve) => resolve(value));
  }

  static reject(reason) { return new this((_, reject) => reject(reason)); }

  static withResolvers() {
    let resolve, reject;
    const promise = new this((a, b) => { resolve = a; reject = b; });
    return { promise, resolve, reject };
  }

  static try(action, ...args) { return new this((resolve) => resolve(action(...args))); }

  static race(items) {
    return new this((resolve, reject) => { for (const item of items) this.resolve(item).then(resolve, reject); });
  }

  static all(items) { return this._gather(items, (each, place, done, fail) => each.then((v) => done(place, v), fail)); }

  static allSettled(items) {
    return this._gather(items, (each, place, done) => each.then(
      (value) => done(place, { status: 'fulfilled', value }),
      (reason) => done(place, { status: 'rejected', reason }),
    ));
  }

  static any(items) {
    return new this((resolve, reject) => {
      this._gather(items, (each, place, done) => each.then(resolve, (reason) => done(place, reason)))
        .then((errors) => reject(new AggregateError(errors, 'All promises were rejected')));
    });
  }

  static _gather(items, watch) {
    return new this((resolve, reject) => {
      const results = [];
      let left = 1;
      const done = (place, value) => {
        results[place] = value;
        if (--left === 0) resolve(results);
      };
      let place = 0;
      for (const item of items) {
        left++;
        results.push(undefined);
        watch(this.resolve(item), place++, done, reject);
      }
      if (--left === 0) resolve(results);
    });
  }
}

// Bundling renames what hides a global.
Object.defineProperty(Promise, 'name', { value: 'Promise' });
globalThis.Promise = Promise;
globalThis.queueMicrotask = (job) => enqueue(job);
