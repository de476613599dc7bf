// The streams of `fs`: as much of Node.js's as reads a file to its end, or writes one piece after the other.
import { Buffer } from '../buffer.js';
import { EventEmitter } from '../events.js';
import { setImmediate } from '../timers.js';

class FileStream extends EventEmitter {
  constructor({ openSync, closeSync }, path, flags) {
    super();
    this.path = path;
    this.destroyed = false;
    this._close = closeSync;
    setImmediate(() => {
      try { this.fd = openSync(path, flags); } catch (error) { this.destroy(error); return; }
      this.emit('open', this.fd);
      this.emit('ready');
      this._work();
    });
  }
  destroy(error) {
    if (this.destroyed) return this;
    this.destroyed = true;
    if (this.fd !== undefined) this._close(this.fd);
    setImmediate(() => {
      if (error) this.emit('error', error);
      this.emit('close');
    });
    return this;
  }
}

export class ReadStream extends FileStream {
  #options;
  #read;
  #paused = true;
  #begun = false;
  constructor(calls, path, options) {
    super(calls, path, options.flags ?? 'r');
    this.bytesRead = 0;
    this.#options = options;
    this.#read = calls.readSync;
  }
  setEncoding(encoding) { this.#options = { ...this.#options, encoding }; return this; }
  on(name, action) {
    super.on(name, action);
    if (name === 'data') this.resume();
    return this;
  }
  pause() { this.#paused = true; return this; }
  resume() {
    this.#paused = false;
    if (this.#begun) setImmediate(() => this._work());
    return this;
  }
  _work() {
    this.#begun = true;
    if (this.#paused || this.destroyed) return;
    const { start = 0, end = Infinity, highWaterMark = 1 << 16, encoding } = this.#options;
    const at = start + this.bytesRead;
    const buffer = Buffer.alloc(Math.max(0, Math.min(highWaterMark, end + 1 - at)));
    let count;
    try { count = this.#read(this.fd, buffer, 0, buffer.length, at); } catch (error) { this.destroy(error); return; }
    if (count === 0) {
      this.emit('end');
      this.destroy();
      return;
    }
    this.bytesRead += count;
    const piece = buffer.subarray(0, count);
    this.emit('data', encoding ? piece.toString(encoding) : piece);
    setImmediate(() => this._work());
  }
  pipe(target) {
    this.on('data', (piece) => target.write(piece));
    this.on('end', () => target.end());
    return target;
  }
  [Symbol.asyncIterator]() {
    const pieces = [];
    let wake, over, failure;
    const tell = () => wake?.();
    this.on('data', (piece) => { pieces.push(piece); tell(); });
    this.on('error', (error) => { failure = error; tell(); });
    this.on('close', () => { over = true; tell(); });
    const next = () => new Promise((resolve, reject) => {
      wake = () => {
        if (pieces.length > 0) resolve({ value: pieces.shift(), done: false });
        else if (failure) reject(failure);
        else if (over) resolve({ value: undefined, done: true });
        else return;
        wake = undefined;
      };
      wake();
    });
    return { next, return: () => { this.destroy(); return Promise.resolve({ value: undefined, done: true }); } };
  }
}

export class WriteStream extends FileStream {
  #write;
  #waiting = [];
  #position;
  #ended = false;
  constructor(calls, path, options) {
    super(calls, path, options.flags ?? 'w');
    this.bytesWritten = 0;
    this.#write = calls.writeSync;
    this.#position = options.start ?? null;
  }
  write(data, encoding, callback) {
    if (typeof encoding === 'function') [encoding, callback] = [undefined, encoding];
    if (this.#ended) throw Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
    this.#waiting.push([typeof data === 'string' ? Buffer.from(data, encoding) : data, callback]);
    if (this.fd !== undefined) setImmediate(() => this._work());
    return true;
  }
  end(data, encoding, callback) {
    if (typeof data === 'function') [data, callback] = [undefined, data];
    if (typeof encoding === 'function') [encoding, callback] = [undefined, encoding];
    if (data !== undefined && data !== null) this.write(data, encoding);
    if (callback) this.once('finish', callback);
    this.#ended = true;
    if (this.fd !== undefined) setImmediate(() => this._work());
    return this;
  }
  _work() {
    if (this.destroyed) return;
    while (this.#waiting.length > 0) {
      const [bytes, callback] = this.#waiting.shift();
      try {
        this.#write(this.fd, bytes, 0, bytes.length, this.#position === null ? null : this.#position + this.bytesWritten);
      } catch (error) {
        callback?.(error);
        this.destroy(error);
        return;
      }
      this.bytesWritten += bytes.length;
      callback?.(null);
    }
    if (this.#ended) {
      this.emit('finish');
      this.destroy();
    }
  }
}
