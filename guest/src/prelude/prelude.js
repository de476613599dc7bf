// What CloudFront's runtimes have beyond the language: crypto, querystring, atob and friends; Buffer comes from
// buffer.js. Runs once, before the memory image is taken. `natives` is written in Rust (natives.rs).
(function (natives, buffers) {
  'use strict';
  const { Buffer, bytesOf, make } = buffers;
  const hide = (target, name, value) =>
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  const joined = (state) => (state.parts.length === 1 ? state.parts[0]
    : Buffer.concat(state.parts.map((part) => bytesOf(part))));
  const ALGORITHMS = ['md5', 'sha1', 'sha256'];
  const DIGEST_ENCODINGS = ['hex', 'base64', 'base64url'];
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
        if (typeof algorithm !== 'string') throw new TypeError('algorithm must be a string');
        if (!ALGORITHMS.includes(algorithm)) throw new TypeError(`not supported algorithm: "${algorithm}"`);
        states.set(this, { algorithm, key, parts: [], done: false });
      }
      update(data, encoding) {
        open(this).parts.push(typeof data === 'string' && encoding === undefined ? data : bytesOf(data, encoding));
        return this;
      }
      digest(encoding) {
        const state = open(this);
        if (encoding !== undefined) {
          if (typeof encoding !== 'string') throw new TypeError('encoding must be a string');
          if (!DIGEST_ENCODINGS.includes(encoding)) throw new TypeError(`Unknown digest encoding: "${encoding}"`);
        }
        state.done = true;
        const bytes = make(finish(state, state.parts.length ? joined(state) : ''));
        return encoding === undefined ? bytes : bytes.toString(encoding);
      }
      get [Symbol.toStringTag]() { return name; }
    }
    if (name === 'Hash') {
      hide(Digester.prototype, 'copy', function copy() {
        const state = open(this);
        const other = new Digester(state.algorithm);
        states.get(other).parts = state.parts.slice();
        return other;
      });
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

  // What nobody replaced runs in Rust (query.rs): it is no place for the function's own coders.
  const unescape = (text) => natives.unescapeQuery(String(text));
  const escape = (text) => natives.escapeQuery(String(text));
  const primitive = (value) => {
    const kind = typeof value;
    if (kind === 'string') return value;
    return kind === 'number' && isFinite(value) || kind === 'boolean' || kind === 'bigint' ? String(value) : '';
  };
  const querystring = {
    escape,
    unescape,
    parse(text, separatorOrNone, equalsOrNone, options) {
      const [separator, equals] = [separatorOrNone || '&', equalsOrNone || '='].map(String);
      const { decodeURIComponent: decode = querystring.unescape, maxKeys: most = 1000 } = options || {};
      const found = Object.create(null);
      let count = 0;
      if (typeof text !== 'string') return found;
      if (decode === unescape) return natives.parseQuery(text, separator, equals, most > 0 ? Number(most) : Infinity);
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
    stringify(object, separatorOrNone, equalsOrNone, options) {
      if (object === null || typeof object !== 'object') return '';
      const [separator, equals] = [separatorOrNone || '&', equalsOrNone || '='].map(String);
      const { encodeURIComponent: encode = querystring.escape } = options || {};
      if (encode === escape) return natives.stringifyQuery(object, separator, equals);
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
    encodeInto(text, target) {
      if (!(target instanceof Uint8Array)) throw new TypeError('the second argument must be a Uint8Array');
      let [read, written] = [0, 0];
      for (const character of String(text)) {
        const bytes = this.encode(character);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        read += character.length;
        written += bytes.length;
      }
      return { read, written };
    }
  }
  // How many bytes at the end begin a character that they do not finish.
  const unfinished = (bytes) => {
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const byte = bytes[bytes.length - back];
      const width = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : byte >= 0x80 ? 0 : 1;
      if (width) return width > back ? back : 0;
    }
    return 0;
  };
  class TextDecoder {
    #kept = [];
    #fresh = true;
    #options;
    constructor(label = 'utf-8', options) {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`The "${label}" encoding is not supported`);
      const { fatal, ignoreBOM } = options || {};
      this.#options = { fatal: Boolean(fatal), ignoreBOM: Boolean(ignoreBOM) };
    }
    get encoding() { return 'utf-8'; }
    get fatal() { return this.#options.fatal; }
    get ignoreBOM() { return this.#options.ignoreBOM; }
    decode(data = new Uint8Array(0), options) {
      if (typeof data === 'string') throw new TypeError('The "input" argument must be an instance of TypedArray');
      const stream = Boolean(options && options.stream);
      let bytes = bytesOf(data);
      if (this.#kept.length) bytes = Uint8Array.of(...this.#kept, ...bytes);
      const keep = stream ? unfinished(bytes) : 0;
      this.#kept = keep ? Array.from(bytes.slice(bytes.length - keep)) : [];
      if (keep) bytes = bytes.slice(0, bytes.length - keep);
      let text = natives.encode(bytes, 'utf8');
      if (this.fatal && text.includes('\ufffd')) {
        const again = new Uint8Array(natives.decode(text, 'utf8'));
        if (again.length !== bytes.length || again.some((byte, i) => byte !== bytes[i])) {
          throw new TypeError('The encoded data was not valid');
        }
      }
      if (this.#fresh && !this.ignoreBOM && text.startsWith('\ufeff')) text = text.slice(1);
      this.#fresh = !stream || (this.#fresh && bytes.length === 0);
      return text;
    }
  }
  class InternalError extends Error {}
  class MemoryError extends Error {}
  for (const kind of [InternalError, MemoryError]) hide(kind.prototype, 'name', kind.name);
  const globals = {
    global: globalThis,
    Buffer,
    TextEncoder,
    TextDecoder,
    InternalError,
    MemoryError,
    eval() { throw new InternalError('Not implemented'); },
    atob: natives.atob,
    btoa: natives.btoa,
  };
  const modules = { crypto, querystring, buffer: { Buffer }, cloudfront };
  // `require('buffer').Buffer` and `import { Buffer }` spellings both exist in the wild; the default export is Buffer.
  modules.buffer = Object.assign(Buffer, { Buffer });
  hide(Buffer, 'Buffer', Buffer);
  hide(Buffer, 'kMaxLength', 2 ** 31 - 1);
  hide(Buffer, 'constants', { MAX_LENGTH: 2 ** 31 - 1, MAX_STRING_LENGTH: 2 ** 31 - 1 });
  globals.require = (name) => {
    if (Object.hasOwn(modules, name)) return modules[name];
    throw new Error(`there is no module '${name}'; there are ${Object.keys(modules).sort().join(', ')}`);
  };
  for (const name of Object.keys(globals)) hide(globalThis, name, globals[name]);
  hide(Math, 'random', natives.random);
  // The engine escapes a slash of a pattern also where it is escaped already.
  const writtenSource = Object.getOwnPropertyDescriptor(RegExp.prototype, 'source').get;
  Object.defineProperty(RegExp.prototype, 'source', {
    configurable: true,
    get() {
      return writtenSource.call(this).replace(/\\+\//g, (run) => (run.length % 2 ? run.slice(1) : run));
    },
  });
  // Not at the edge, and no use in a sandbox that lives for one request.
  for (const name of ['Atomics', 'SharedArrayBuffer', 'WeakRef', 'FinalizationRegistry', 'escape', 'unescape']) {
    delete globalThis[name];
  }
  // Not there either, and each of them is one more name that every for…in passes by.
  for (const name of ['__defineGetter__', '__defineSetter__', '__lookupGetter__', '__lookupSetter__']) {
    delete Object.prototype[name];
  }

  // Runtime 1.0: strings of bytes. Its engine knows them from texts; here a text is one if it was made as one.
  const legacy = () => {
    const text = String.prototype.toString;
    const encodings = ['hex', 'base64', 'base64url'];
    const needEncoding = (name) => {
      if (typeof name !== 'string') throw new TypeError('"encoding" must be a string');
      if (!encodings.includes(name)) throw new TypeError(`Unknown encoding: "${name}"`);
      return name;
    };
    const byteStrings = new Set();
    const byteString = (bytes) => {
      const made = natives.encode(bytes, 'latin1');
      if (/[\x80-\xff]/.test(made)) byteStrings.add(made);
      return made;
    };
    const encoded = (string, encoding) => new Uint8Array(natives.decode(string, encoding));
    const bytesIn = (string) => encoded(string, byteStrings.has(string) ? 'latin1' : 'utf8');
    hide(String, 'bytesFrom', function bytesFrom(data, encoding) {
      if (typeof data === 'string') return byteString(encoded(data, needEncoding(encoding)));
      if (data === null || typeof data !== 'object') throw new TypeError('value must be a string or array-like object');
      return byteString(Uint8Array.from(data));
    });
    hide(String.prototype, 'toString', function toString(encoding) {
      const string = text.call(this);
      return encoding === undefined ? string : natives.encode(bytesIn(string), needEncoding(encoding));
    });
    hide(String.prototype, 'toBytes', function toBytes(start, end) {
      const part = text.call(this).slice(start, end);
      return /[^\0-\xff]/.test(part) ? null : byteString(encoded(part, 'latin1'));
    });
    hide(String.prototype, 'toUTF8', function toUTF8(start, end) {
      return byteString(encoded(text.call(this).slice(start, end), 'utf8'));
    });
    hide(String.prototype, 'fromUTF8', function fromUTF8(start, end) {
      const part = text.call(this).slice(start, end);
      if (/[^\0-\xff]/.test(part)) return part;
      try { return new TextDecoder('utf-8', { fatal: true }).decode(encoded(part, 'latin1')); } catch { return null; }
    });
    const parse = JSON.parse;
    hide(JSON, 'parse', function (string, reviver) {
      const read = byteStrings.has(string) ? natives.encode(bytesIn(string), 'utf8') : string;
      return parse(read, reviver);
    });
    // Its engine looks for a match from the start, whatever lastIndex says.
    const exec = RegExp.prototype.exec;
    hide(RegExp.prototype, 'test', function test(string) {
      const at = this.lastIndex;
      this.lastIndex = 0;
      const found = exec.call(this, string) !== null;
      this.lastIndex = at;
      return found;
    });
    hide(String.prototype, 'fromBytes', function fromBytes(start, end) { return text.call(this).slice(start, end); });
  };
  return { modules, legacy };
})
