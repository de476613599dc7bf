// Node.js's `events`: the emitter.

export class EventEmitter {
  #listeners = new Map();
  on(name, action) { this.#listeners.set(name, [...this.listeners(name), action]); return this; }
  addListener(name, action) { return this.on(name, action); }
  once(name, action) {
    const first = (...args) => { this.off(name, first); action.apply(this, args); };
    return this.on(name, first);
  }
  off(name, action) { this.#listeners.set(name, this.listeners(name).filter((each) => each !== action)); return this; }
  removeListener(name, action) { return this.off(name, action); }
  removeAllListeners(name) { if (name === undefined) this.#listeners.clear(); else this.#listeners.delete(name); return this; }
  listeners(name) { return this.#listeners.get(name) ?? []; }
  listenerCount(name) { return this.listeners(name).length; }
  emit(name, ...args) {
    const listeners = this.listeners(name);
    if (name === 'error' && listeners.length === 0) throw args[0];
    for (const each of listeners) each.apply(this, args);
    return listeners.length > 0;
  }
}
EventEmitter.EventEmitter = EventEmitter;
export default EventEmitter;
