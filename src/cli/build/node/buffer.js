// Node.js's `Buffer`, for text and small binary data.
import { TextDecoder, TextEncoder } from './util.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODINGS = {
  utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64', base64url: 'base64url', latin1: 'latin1', binary: 'latin1',
  ascii: 'ascii', utf16le: 'utf16le', 'utf-16le': 'utf16le', ucs2: 'utf16le', 'ucs-2': 'utf16le',
};
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Uint8Array(128).fill(255);
[...DIGITS].forEach((digit, value) => { VALUES[digit.charCodeAt(0)] = value; });
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;

function encodingOf(name) {
  if (name === undefined || name === null || name === '') return 'utf8';
  const encoding = ENCODINGS[String(name).toLowerCase()];
  if (!encoding) throw Object.assign(new TypeError(`Unknown encoding: ${name}`), { code: 'ERR_UNKNOWN_ENCODING' });
  return encoding;
}

function fromBase64(text) {
  const bytes = [];
  let bits = 0, held = 0;
  for (const character of text) {
    if (character === '=') break;
    const value = VALUES[character.charCodeAt(0)] ?? 255;
    if (value === 255) continue;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  return bytes;
}

function toBase64(bytes, url) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const three = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const digits = DIGITS[three >> 18] + DIGITS[(three >> 12) & 63] + DIGITS[(three >> 6) & 63] + DIGITS[three & 63];
    const left = bytes.length - at;
    text += left >= 3 ? digits : digits.slice(0, left + 1) + '='.repeat(3 - left);
  }
  return url ? text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') : text;
}

function bytesOf(text, encoding) {
  switch (encodingOf(encoding)) {
    case 'utf8': return encoder.encode(text);
    case 'hex': {
      const pairs = /^(?:[0-9a-fA-F]{2})*/.exec(text)[0];
      return (pairs.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
    }
    case 'base64': case 'base64url': return fromBase64(text);
    case 'utf16le': return [...Array(text.length).keys()].flatMap((at) => [text.charCodeAt(at) & 255, text.charCodeAt(at) >> 8]);
    default: return [...Array(text.length).keys()].map((at) => text.charCodeAt(at) & 255);
  }
}

function textOf(bytes, encoding) {
  const chars = (mask) => {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte & mask);
    return text;
  };
  switch (encodingOf(encoding)) {
    case 'utf8': return decoder.decode(bytes);
    case 'hex': return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    case 'base64': return toBase64(bytes, false);
    case 'base64url': return toBase64(bytes, true);
    case 'utf16le': return Array.from({ length: bytes.length >> 1 }, (_, at) => String.fromCharCode(bytes[2 * at] | (bytes[2 * at + 1] << 8))).join('');
    case 'ascii': return chars(127);
    default: return chars(255);
  }
}

export class Buffer extends Uint8Array {
  static from(value, encoding, length) {
    if (typeof value === 'string') return Buffer.#of(bytesOf(value, encoding));
    if (value instanceof ArrayBuffer) return new Buffer(value, encoding, length);
    if (value?.type === 'Buffer' && Array.isArray(value.data)) return Buffer.#of(value.data);
    if (value !== null && typeof value === 'object' && 'length' in value) return Buffer.#of(Array.from(value, (byte) => byte & 255));
    throw new TypeError('The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array');
  }
  static #of(bytes) {
    const buffer = new Buffer(bytes.length);
    buffer.set(bytes);
    return buffer;
  }
  static alloc(size, fill, encoding) {
    const buffer = new Buffer(size);
    return fill === undefined ? buffer : buffer.fill(fill, 0, size, encoding);
  }
  static allocUnsafe(size) { return new Buffer(size); }
  static isBuffer(value) { return value instanceof Buffer; }
  static isEncoding(name) { return String(name).toLowerCase() in ENCODINGS; }
  static byteLength(value, encoding) { return typeof value === 'string' ? bytesOf(value, encoding).length : value.byteLength; }
  static concat(list, total = list.reduce((sum, each) => sum + each.length, 0)) {
    const whole = new Buffer(total);
    let at = 0;
    for (const each of list) {
      whole.set(each.subarray(0, Math.max(0, total - at)), at);
      at += each.length;
      if (at >= total) break;
    }
    return whole;
  }
  static compare(a, b) {
    for (let at = 0; at < Math.min(a.length, b.length); at++) if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1;
    return Math.sign(a.length - b.length);
  }

  toString(encoding, start = 0, end = this.length) { return textOf(Uint8Array.prototype.subarray.call(this, start, end), encoding); }
  toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
  equals(other) { return Buffer.compare(this, other) === 0; }
  compare(other) { return Buffer.compare(this, other); }
  slice(start, end) { return this.subarray(start, end); }
  copy(target, at = 0, start = 0, end = this.length) {
    const part = this.subarray(start, Math.min(end, start + target.length - at));
    target.set(part, at);
    return part.length;
  }
  write(text, at = 0, length = this.length - at, encoding = 'utf8') {
    if (typeof at === 'string') [at, length, encoding] = [0, this.length, at];
    if (typeof length === 'string') [length, encoding] = [this.length - at, length];
    const bytes = Array.from(bytesOf(text, encoding)).slice(0, Math.min(length, this.length - at));
    this.set(bytes, at);
    return bytes.length;
  }
  fill(value, start = 0, end = this.length, encoding) {
    if (typeof value !== 'string') return super.fill(value, start, end);
    if (typeof start === 'string') [start, end, encoding] = [0, this.length, start];
    const bytes = bytesOf(value, encoding);
    for (let at = start; at < end; at++) this[at] = bytes.length ? bytes[(at - start) % bytes.length] : 0;
    return this;
  }
  indexOf(value, from = 0, encoding) {
    if (typeof value === 'number') return super.indexOf(value, from);
    const sought = typeof value === 'string' ? bytesOf(value, encoding) : value;
    for (let at = Math.max(0, from); at + sought.length <= this.length; at++) {
      let same = 0;
      while (same < sought.length && this[at + same] === sought[same]) same++;
      if (same === sought.length) return at;
    }
    return -1;
  }
  includes(value, from, encoding) { return this.indexOf(value, from, encoding) >= 0; }
}

const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
for (const [name, method, bytes] of [
  ['UInt8', 'Uint8', 1], ['Int8', 'Int8', 1], ['UInt16', 'Uint16', 2], ['Int16', 'Int16', 2], ['UInt32', 'Uint32', 4],
  ['Int32', 'Int32', 4], ['Float', 'Float32', 4], ['Double', 'Float64', 8], ['BigUInt64', 'BigUint64', 8], ['BigInt64', 'BigInt64', 8],
]) {
  for (const [end, little] of bytes === 1 ? [['', true]] : [['LE', true], ['BE', false]]) {
    Buffer.prototype[`read${name}${end}`] = function read(at = 0) { return view(this)[`get${method}`](at, little); };
    Buffer.prototype[`write${name}${end}`] = function write(value, at = 0) {
      view(this)[`set${method}`](at, value, little);
      return at + bytes;
    };
  }
}
globalThis.Buffer = Buffer;
export const atob = globalThis.atob, btoa = globalThis.btoa;
export const constants = { MAX_LENGTH: 2 ** 31 - 1 };
export default { Buffer, atob, btoa, constants };
