// What CloudFront's runtimes have beyond the language: Buffer, crypto, querystring, atob and friends.
// Runs once, before the memory image is taken. `natives` is written in Rust (natives.rs).
(function (natives) {
  'use strict';
  const hide = (target, name, value) =>
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  const bytesOf = (data, encoding) => {
    if (typeof data === 'string') return new Uint8Array(natives.decode(data, encoding || 'utf8'));
    if (data instanceof Uint8Array) return data;
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw new TypeError('a string, a Buffer or a typed array is needed here');
  };
  const ENCODINGS = ['utf8', 'utf-8', 'hex', 'base64', 'base64url'];

  class Buffer extends Uint8Array {
    static from(data, encodingOrOffset, length) {
      if (typeof data === 'string') return new Buffer(natives.decode(data, encodingOrOffset || 'utf8'));
      if (data instanceof ArrayBuffer) return new Buffer(data, encodingOrOffset, length);
      if (data && data.type === 'Buffer' && Array.isArray(data.data)) data = data.data;
      if (data === null || typeof data !== 'object') {
        throw new TypeError('Buffer.from needs a string, an array, a Buffer or an ArrayBuffer');
      }
      const source = ArrayBuffer.isView(data) ? data : Array.from(data);
      const copy = new Buffer(source.length);
      copy.set(source);
      return copy;
    }
    static alloc(size, fill, encoding) {
      const buffer = new Buffer(size);
      return fill === undefined ? buffer : buffer.fill(fill, encoding);
    }
    static allocUnsafe(size) { return new Buffer(size); }
    static byteLength(data, encoding) { return bytesOf(data, encoding).byteLength; }
    static compare(a, b) { return Buffer.prototype.compare.call(a, b); }
    static concat(list, total) {
      if (total === undefined) total = list.reduce((sum, part) => sum + part.length, 0);
      const joined = new Buffer(total);
      let at = 0;
      for (const part of list) {
        if (at >= total) break;
        joined.set(part.length > total - at ? part.slice(0, total - at) : part, at);
        at += part.length;
      }
      return joined;
    }
    static isBuffer(value) { return value instanceof Buffer; }
    static isEncoding(name) { return ENCODINGS.includes(String(name).toLowerCase()); }
    compare(other, start, end, from, to) {
      const a = this.slice(from || 0, to === undefined ? this.length : to);
      const b = bytesOf(other).slice(start || 0, end === undefined ? other.length : end);
      const shared = Math.min(a.length, b.length);
      for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
      return Math.sign(a.length - b.length);
    }
    equals(other) { return this.compare(other) === 0; }
    copy(target, at, start, end) {
      const part = this.slice(start || 0, end === undefined ? this.length : end);
      const room = target.length - (at || 0);
      const moved = part.length > room ? part.slice(0, room) : part;
      target.set(moved, at || 0);
      return moved.length;
    }
    fill(value, start, end, encoding) {
      if (typeof start === 'string') { encoding = start; start = 0; end = this.length; }
      if (typeof value === 'number') return super.fill(value, start, end);
      const pattern = bytesOf(value, encoding);
      const stop = end === undefined ? this.length : end;
      for (let i = start || 0, j = 0; i < stop; i++, j++) {
        this[i] = pattern.length ? pattern[j % pattern.length] : 0;
      }
      return this;
    }
    indexOf(value, from, encoding) {
      if (typeof value === 'number') return super.indexOf(value & 255, from || 0);
      const wanted = bytesOf(value, encoding);
      for (let i = from || 0; i + wanted.length <= this.length; i++) {
        let j = 0;
        while (j < wanted.length && this[i + j] === wanted[j]) j++;
        if (j === wanted.length) return i;
      }
      return -1;
    }
    lastIndexOf(value, from, encoding) {
      const wanted = typeof value === 'number' ? [value & 255] : bytesOf(value, encoding);
      const last = this.length - wanted.length;
      for (let i = from === undefined ? last : Math.min(from, last); i >= 0; i--) {
        let j = 0;
        while (j < wanted.length && this[i + j] === wanted[j]) j++;
        if (j === wanted.length) return i;
      }
      return -1;
    }
    includes(value, from, encoding) { return this.indexOf(value, from, encoding) !== -1; }
    // CloudFront documents subarray as a copy.
    subarray(start, end) { return this.slice(start, end); }
    toString(encoding, start, end) {
      const whole = start === undefined && end === undefined;
      return natives.encode(whole ? this : this.slice(start, end), encoding || 'utf8');
    }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    write(text, at, length, encoding) {
      if (typeof at === 'string') { encoding = at; at = 0; length = undefined; }
      if (typeof length === 'string') { encoding = length; length = undefined; }
      const bytes = bytesOf(text, encoding);
      const room = Math.min(length === undefined ? Infinity : length, this.length - (at || 0));
      const part = bytes.length > room ? bytes.slice(0, room) : bytes;
      this.set(part, at || 0);
      return part.length;
    }
  }

  const swap = (width) => function () {
    if (this.length % width) throw new RangeError('Buffer size must be a multiple of ' + width * 8 + ' bits');
    for (let i = 0; i < this.length; i += width) this.set(this.slice(i, i + width).reverse(), i);
    return this;
  };
  for (const width of [2, 4, 8]) hide(Buffer.prototype, 'swap' + width * 8, swap(width));

  const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const numbers = [['Int8', 1], ['UInt8', 1], ['Int16', 2], ['UInt16', 2], ['Int32', 4], ['UInt32', 4],
    ['Float', 4], ['Double', 8]];
  for (const [name, width] of numbers) {
    const kind = { Float: 'Float32', Double: 'Float64' }[name] || name.replace('UInt', 'Uint');
    for (const order of width === 1 ? [''] : ['LE', 'BE']) {
      hide(Buffer.prototype, 'read' + name + order, function (at = 0) {
        return view(this)['get' + kind](at, order === 'LE');
      });
      hide(Buffer.prototype, 'write' + name + order, function (value, at = 0) {
        view(this)['set' + kind](at, value, order === 'LE');
        return at + width;
      });
    }
  }
  for (const order of ['LE', 'BE']) {
    const place = (i, width) => (order === 'LE' ? i : width - 1 - i);
    const read = (signed) => function (at, width) {
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + this[at + place(i, width)];
      return signed && value >= 2 ** (8 * width - 1) ? value - 2 ** (8 * width) : value;
    };
    const write = function (value, at, width) {
      if (value < 0) value += 2 ** (8 * width);
      for (let i = 0; i < width; i++, value = Math.floor(value / 256)) this[at + place(i, width)] = value % 256;
      return at + width;
    };
    hide(Buffer.prototype, 'readInt' + order, read(true));
    hide(Buffer.prototype, 'readUInt' + order, read(false));
    hide(Buffer.prototype, 'writeInt' + order, write);
    hide(Buffer.prototype, 'writeUInt' + order, write);
  }

  const joined = (state) => (state.parts.length === 1 ? state.parts[0]
    : Buffer.concat(state.parts.map((part) => bytesOf(part))));
  const ALGORITHMS = ['md5', 'sha1', 'sha256'];
  const digester = (name, finish) => {
    const states = new WeakMap();
    const open = (self) => {
      const state = states.get(self);
      if (!state) throw new TypeError(name + ' method called on something else');
      if (state.done) throw new Error('Digest already called');
      return state;
    };
    class Digester {
      constructor(algorithm, key) {
        if (!ALGORITHMS.includes(algorithm)) {
          throw new TypeError(`unknown digest '${algorithm}'; there are ${ALGORITHMS.join(', ')}`);
        }
        states.set(this, { algorithm, key, parts: [], done: false });
      }
      update(data, encoding) {
        open(this).parts.push(typeof data === 'string' && !encoding ? data : bytesOf(data, encoding));
        return this;
      }
      digest(encoding) {
        const state = open(this);
        state.done = true;
        const bytes = new Buffer(finish(state, state.parts.length ? joined(state) : ''));
        return encoding === undefined ? bytes : bytes.toString(encoding);
      }
    }
    Object.defineProperty(Digester, 'name', { value: name });
    return Digester;
  };
  const Hash = digester('Hash', (state, data) => natives.hash(state.algorithm, data));
  const Hmac = digester('Hmac', (state, data) => natives.hmac(state.algorithm, state.key, data));
  const crypto = {
    createHash: (algorithm) => new Hash(algorithm),
    createHmac: (algorithm, key) => new Hmac(algorithm, typeof key === 'string' ? key : bytesOf(key)),
  };

  const unescapeBytes = (text) => {
    const bytes = [];
    const source = bytesOf(text);
    for (let i = 0; i < source.length; i++) {
      const hex = source[i] === 37 ? String.fromCharCode(source[i + 1], source[i + 2]) : '';
      if (/^[0-9a-f]{2}$/i.test(hex)) { bytes.push(parseInt(hex, 16)); i += 2; } else bytes.push(source[i]);
    }
    return natives.encode(new Uint8Array(bytes), 'utf8');
  };
  const unescape = (text) => {
    try { return decodeURIComponent(text); } catch { return unescapeBytes(String(text)); }
  };
  const primitive = (value) => {
    const kind = typeof value;
    if (kind === 'string') return value;
    return kind === 'number' && isFinite(value) || kind === 'boolean' || kind === 'bigint' ? String(value) : '';
  };
  const querystring = {
    escape: (text) => encodeURIComponent(text),
    unescape,
    parse(text, separator = '&', equals = '=', options = {}) {
      const decode = options.decodeURIComponent || querystring.unescape;
      const most = options.maxKeys === undefined ? 1000 : options.maxKeys;
      const found = Object.create(null);
      let count = 0;
      if (typeof text !== 'string') return found;
      for (const piece of text.split(separator)) {
        if (piece === '') continue;
        if (most > 0 && ++count > most) break;
        const at = piece.indexOf(equals);
        const plain = (part) => decode(part.replaceAll('+', ' '));
        const name = plain(at < 0 ? piece : piece.slice(0, at));
        const value = at < 0 ? '' : plain(piece.slice(at + equals.length));
        if (!(name in found)) found[name] = value;
        else if (Array.isArray(found[name])) found[name].push(value);
        else found[name] = [found[name], value];
      }
      return found;
    },
    stringify(object, separator = '&', equals = '=', options = {}) {
      if (object === null || typeof object !== 'object') return '';
      const encode = options.encodeURIComponent || querystring.escape;
      const pair = (name, value) => encode(name) + equals + encode(primitive(value));
      return Object.keys(object)
        .map((name) => (Array.isArray(object[name])
          ? object[name].map((value) => pair(name, value)).join(separator) : pair(name, object[name])))
        .filter((part) => part !== '')
        .join(separator);
    },
  };
  querystring.decode = querystring.parse;
  querystring.encode = querystring.stringify;

  const cloudfront = {
    kvs: natives.kvs(Buffer), // prelude/kvs.js
  };

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return new Uint8Array(natives.decode(String(text), 'utf8')); }
  }
  class TextDecoder {
    constructor(label = 'utf-8') {
      if (!/^utf-?8$/i.test(label)) throw new RangeError('only utf-8 can be decoded');
    }
    get encoding() { return 'utf-8'; }
    decode(data = new Uint8Array(0)) { return natives.encode(bytesOf(data), 'utf8'); }
  }
  const invalidBase64 = () => new TypeError('the string to be decoded is not correctly encoded');
  const globals = {
    global: globalThis,
    Buffer,
    TextEncoder,
    TextDecoder,
    btoa: (text) => natives.encode(String(text), 'base64'),
    atob(text) {
      const digits = String(text).replace(/[\t\n\f\r ]/g, '');
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(digits) || digits.replace(/=+$/, '').length % 4 === 1) throw invalidBase64();
      return natives.encode(new Uint8Array(natives.decode(digits, 'base64')), 'latin1');
    },
  };
  const modules = { crypto, querystring, buffer: { Buffer }, cloudfront };
  // `require('buffer').Buffer` and `import { Buffer }` spellings both exist in the wild; the default export is Buffer.
  modules.buffer = Object.assign(Buffer, { Buffer });
  hide(Buffer, 'Buffer', Buffer);
  globals.require = (name) => {
    if (Object.hasOwn(modules, name)) return modules[name];
    throw new Error(`there is no module '${name}'; there are ${Object.keys(modules).sort().join(', ')}`);
  };
  for (const name of Object.keys(globals)) hide(globalThis, name, globals[name]);
  hide(Math, 'random', natives.random);
  // Not at the edge, and no use in a sandbox that lives for one request.
  for (const name of ['Atomics', 'SharedArrayBuffer', 'WeakRef', 'FinalizationRegistry', 'escape', 'unescape']) {
    delete globalThis[name];
  }

  // Runtime 1.0: strings of bytes.
  const legacy = () => {
    const text = String.prototype.toString;
    hide(String, 'bytesFrom', (data, encoding) => natives.encode(
      typeof data === 'string' ? new Uint8Array(natives.decode(data, encoding || 'utf8')) : Uint8Array.from(data),
      'latin1'));
    hide(String.prototype, 'toString', function toString(encoding) {
      return encoding === undefined ? text.call(this) : natives.encode(text.call(this), encoding);
    });
    hide(String.prototype, 'toBytes', function toBytes() {
      return natives.encode(new Uint8Array(natives.decode(text.call(this), 'latin1')), 'latin1');
    });
    hide(String.prototype, 'toUTF8', function toUTF8() {
      return natives.encode(new Uint8Array(natives.decode(text.call(this), 'utf8')), 'latin1');
    });
    hide(String.prototype, 'fromUTF8', function fromUTF8() {
      return natives.encode(new Uint8Array(natives.decode(text.call(this), 'latin1')), 'utf8');
    });
    hide(String.prototype, 'fromBytes', function fromBytes() { return text.call(this); });
  };
  return { modules, legacy };
})
