// As much of Node.js's `util` as edge functions use.

const custom = Symbol.for('nodejs.util.inspect.custom');
const bare = /^[A-Za-z_$][\w$]*$/;
const quote = (text) => {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes('`') ? '`' : "'";
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
};

function primitive(value) {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return value.name ? `[Function: ${value.name}]` : '[Function (anonymous)]';
  return Object.is(value, -0) ? '-0' : String(value);
}

function show(value, depth, seen, most) {
  if (value === null || typeof value !== 'object') return primitive(value);
  if (typeof value[custom] === 'function') {
    const shown = value[custom](most - depth, {}, inspect);
    return typeof shown === 'string' ? shown : show(shown, depth, seen, most);
  }
  if (value instanceof Error) return value.stack ? `${value.name}: ${value.message}\n${value.stack}`.trimEnd() : `[${value}]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (seen.includes(value)) return '[Circular *1]';
  const name = value.constructor?.name ?? '[Object: null prototype]';
  if (depth > most) return Array.isArray(value) ? '[Array]' : `[${name}]`;
  const inner = [...seen, value];
  const each = (item) => show(item, depth + 1, inner, most);
  if (Array.isArray(value)) return wrap('[', value.map(each), ']', depth);
  if (globalThis.Buffer?.isBuffer(value)) return `<Buffer ${[...value.subarray(0, 50)].map((b) => b.toString(16).padStart(2, '0')).join(' ')}>`;
  if (ArrayBuffer.isView(value)) return `${name}(${value.length}) ${wrap('[', [...value].slice(0, 100).map(each), ']', depth)}`;
  if (value instanceof Map) return `Map(${value.size}) ${wrap('{', [...value].map(([k, v]) => `${each(k)} => ${each(v)}`), '}', depth)}`;
  if (value instanceof Set) return `Set(${value.size}) ${wrap('{', [...value].map(each), '}', depth)}`;
  if (value instanceof Promise) return 'Promise { … }';
  const members = Reflect.ownKeys(value).filter((key) => Object.getOwnPropertyDescriptor(value, key).enumerable).map((key) => {
    const shown = typeof key === 'symbol' ? `[${String(key)}]` : bare.test(key) ? key : quote(key);
    const { get, set, value: held } = Object.getOwnPropertyDescriptor(value, key);
    return `${shown}: ${get ? (set ? '[Getter/Setter]' : '[Getter]') : set ? '[Setter]' : each(held)}`;
  });
  return (name === 'Object' ? '' : `${name} `) + wrap('{', members, '}', depth);
}

function wrap(open, parts, close, depth) {
  if (parts.length === 0) return open + close;
  const line = `${open} ${parts.join(', ')} ${close}`;
  if (line.length + depth * 2 <= 76 && !line.includes('\n')) return line;
  const indent = '  '.repeat(depth);
  return `${open}\n${parts.map((part) => `${indent}  ${part}`).join(',\n')}\n${indent}${close}`;
}

export function inspect(value, options) {
  const depth = options?.depth === null ? Infinity : (options?.depth ?? 2);
  return show(value, 0, [], depth);
}
inspect.custom = custom;

export function format(...args) {
  let text = '';
  let next = 0;
  if (typeof args[0] === 'string') {
    next = 1;
    text = args[0].replace(/%[sdifjoOc%]/g, (mark) => {
      if (mark === '%%') return '%';
      if (next >= args.length) return mark;
      const value = args[next++];
      switch (mark) {
        case '%s': return typeof value === 'object' && value !== null ? inspect(value, { depth: 0 }) : typeof value === 'bigint' ? `${value}n` : String(value);
        case '%d': return typeof value === 'bigint' ? `${value}n` : String(Number(value));
        case '%i': return String(parseInt(value, 10));
        case '%f': return String(parseFloat(value));
        case '%j': return JSON.stringify(value);
        case '%c': return '';
        default: return inspect(value, { depth: mark === '%o' ? 4 : 2 });
      }
    });
  }
  const rest = args.slice(next).map((value) => (typeof value === 'string' ? value : inspect(value)));
  return next === 0 ? rest.join(' ') : [text, ...rest].join(' ');
}

export function promisify(action) {
  return function promisified(...args) {
    return new Promise((resolve, reject) => action.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value))));
  };
}
export function callbackify(action) {
  return function callbackified(...args) {
    const callback = args.pop();
    action.apply(this, args).then((value) => callback(null, value), (error) => callback(error));
  };
}
export function inherits(child, parent) {
  Object.defineProperty(child, 'super_', { value: parent, configurable: true, writable: true });
  Object.setPrototypeOf(child.prototype, parent.prototype);
}
export const deprecate = (action) => action;
export function isDeepStrictEqual(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Map || a instanceof Set) return isDeepStrictEqual([...a], [...b]);
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return keys.length === others.length && keys.every((key) => Object.hasOwn(b, key) && isDeepStrictEqual(a[key], b[key]));
}
export const isArray = Array.isArray;
export const types = {
  isDate: (value) => value instanceof Date, isRegExp: (value) => value instanceof RegExp,
  isPromise: (value) => value instanceof Promise, isNativeError: (value) => value instanceof Error,
  isMap: (value) => value instanceof Map, isSet: (value) => value instanceof Set,
};

/** UTF-8; no other encoding is there. */
export class TextEncoder {
  get encoding() { return 'utf-8'; }
  encode(text = '') {
    const bytes = [];
    for (const character of String(text)) {
      let code = character.codePointAt(0);
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
    return new Uint8Array(bytes);
  }
}

export class TextDecoder {
  constructor(label = 'utf-8', options = {}) {
    const known = { 'utf-8': 'utf-8', utf8: 'utf-8', latin1: 'latin1', 'iso-8859-1': 'latin1', ascii: 'latin1', 'windows-1252': 'latin1' };
    this.encoding = known[String(label).toLowerCase()];
    if (!this.encoding) throw new RangeError(`The "${label}" encoding is not supported`);
    this.fatal = Boolean(options.fatal);
    this.ignoreBOM = Boolean(options.ignoreBOM);
  }

  decode(input = new Uint8Array()) {
    const bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
    if (this.encoding === 'latin1') return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    const text = this.#utf8(bytes);
    return !this.ignoreBOM && text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  // The WHATWG Encoding Standard's decoder: one replacement character for each maximal broken part.
  #utf8(bytes) {
    let text = '', code = 0, needed = 0, lower = 0x80, upper = 0xbf;
    const broken = () => {
      if (this.fatal) throw new TypeError('The encoded data was not valid for encoding utf-8');
      text += '\ufffd';
    };
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (needed === 0) {
        if (byte < 0x80) text += String.fromCharCode(byte);
        else if (byte >= 0xc2 && byte <= 0xdf) [needed, code] = [1, byte & 0x1f];
        else if (byte >= 0xe0 && byte <= 0xef) {
          if (byte === 0xe0) lower = 0xa0;
          if (byte === 0xed) upper = 0x9f;
          [needed, code] = [2, byte & 0xf];
        } else if (byte >= 0xf0 && byte <= 0xf4) {
          if (byte === 0xf0) lower = 0x90;
          if (byte === 0xf4) upper = 0x8f;
          [needed, code] = [3, byte & 7];
        } else broken();
      } else if (byte < lower || byte > upper) {
        [needed, lower, upper] = [0, 0x80, 0xbf];
        broken();
        at--;
      } else {
        [lower, upper] = [0x80, 0xbf];
        code = (code << 6) | (byte & 63);
        if (--needed === 0) text += String.fromCodePoint(code);
      }
    }
    if (needed > 0) broken();
    return text;
  }
}
Object.assign(globalThis, { TextEncoder, TextDecoder });

export default {
  inspect, format, promisify, callbackify, inherits, deprecate, isDeepStrictEqual, isArray, types, TextEncoder, TextDecoder,
};
