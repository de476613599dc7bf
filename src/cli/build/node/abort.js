// AbortController and AbortSignal.

export class AbortSignal {
  aborted = false;
  reason = undefined;
  onabort = null;
  #listeners = [];
  addEventListener(name, action) { if (name === 'abort') this.#listeners.push(action); }
  removeEventListener(name, action) { this.#listeners = this.#listeners.filter((each) => each !== action); }
  throwIfAborted() { if (this.aborted) throw this.reason; }
  static abort(reason) {
    const controller = new AbortController();
    controller.abort(reason);
    return controller.signal;
  }
  static timeout(milliseconds) {
    const controller = new AbortController();
    const late = () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    setTimeout(late, milliseconds).unref();
    return controller.signal;
  }
  static any(signals) {
    const controller = new AbortController();
    for (const signal of signals) {
      if (signal.aborted) controller.abort(signal.reason);
      else signal.addEventListener('abort', () => controller.abort(signal.reason));
    }
    return controller.signal;
  }

  /** For the controller alone. */
  static _end(signal, reason) {
    if (signal.aborted) return;
    signal.aborted = true;
    signal.reason = reason;
    const event = { type: 'abort', target: signal };
    signal.onabort?.(event);
    for (const each of signal.#listeners) each.call(signal, event);
  }
}

export class AbortController {
  signal = new AbortSignal();
  abort(reason = new DOMException('This operation was aborted', 'AbortError')) { AbortSignal._end(this.signal, reason); }
}
Object.assign(globalThis, { AbortController, AbortSignal });
