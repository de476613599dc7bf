// Node.js's `crypto`: digests and random numbers, made by the host at its speed.
import * as host from 'verge:edge/digest@0.1.0';
import { equal } from 'verge:edge/crypto@0.1.0';
import { Buffer } from './buffer.js';
import { md5 } from './md5.js';

const HASHES = { sha1: 'sha1', sha256: 'sha256', sha384: 'sha384', sha512: 'sha512' };
const nameOf = (name) => String(name).toLowerCase().replace(/^rsa-/, '').replace('-', '');
const bytes = (value, encoding) => (typeof value === 'string' ? Buffer.from(value, encoding) : new Uint8Array(value.buffer ?? value, value.byteOffset ?? 0, value.byteLength));
const plain = (value) => new Uint8Array(value);

class Digest {
  #parts = [];
  #finish;
  constructor(finish) { this.#finish = finish; }
  update(data, encoding) {
    if (!this.#finish) throw new Error('Digest already called');
    this.#parts.push(bytes(data, encoding));
    return this;
  }
  digest(encoding) {
    if (!this.#finish) throw new Error('Digest already called');
    const result = Buffer.from(this.#finish(plain(Buffer.concat(this.#parts))));
    this.#finish = null;
    return encoding && encoding !== 'buffer' ? result.toString(encoding) : result;
  }
  copy() {
    const other = new Digest(this.#finish);
    other.#parts = [...this.#parts];
    return other;
  }
}

export function createHash(name) {
  const known = nameOf(name);
  if (known === 'md5') return new Digest(md5);
  if (!HASHES[known]) throw new Error('Digest method not supported');
  return new Digest((data) => host.hash(HASHES[known], data));
}
export function createHmac(name, key) {
  const known = nameOf(name);
  if (!HASHES[known]) throw new Error(`Invalid digest: ${name}`);
  const secret = plain(bytes(key));
  return new Digest((data) => host.hmac(HASHES[known], secret, data));
}
export function hash(name, data, encoding = 'hex') { return createHash(name).update(data).digest(encoding); }
export function randomBytes(size, callback) {
  const made = Buffer.from(host.random(size));
  if (!callback) return made;
  queueMicrotask(() => callback(null, made));
}
export function randomInt(least, most) {
  if (most === undefined) [least, most] = [0, least];
  return least + Math.floor(randomBytes(6).readUInt32LE(0) / 2 ** 32 * (most - least));
}
export function randomUUID() {
  const made = randomBytes(16);
  made[6] = (made[6] & 15) | 64;
  made[8] = (made[8] & 63) | 128;
  return made.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
export function timingSafeEqual(a, b) {
  if (a.byteLength !== b.byteLength) throw new RangeError('Input buffers must have the same byte length');
  return equal(plain(bytes(a)), plain(bytes(b)));
}
export const getHashes = () => ['md5', ...Object.keys(HASHES)];
export function getRandomValues(array) {
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(host.random(array.byteLength));
  return array;
}
const digestNames = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };
export const subtle = {
  digest(name, data) {
    return new Promise((resolve) => {
      const known = digestNames[String(name.name ?? name).toUpperCase()];
      if (!known) throw new Error(`Unrecognized algorithm name: ${name.name ?? name}`);
      resolve(plain(host.hash(known, plain(bytes(data)))).buffer);
    });
  },
};
const missing = (name) => () => { throw new Error(`crypto.${name} is not available in verge: hashes, HMACs and random numbers are`); };
export const [createSign, createVerify, createCipheriv, createDecipheriv, createPublicKey, pbkdf2Sync, scryptSync, verify, sign] = [
  'createSign', 'createVerify', 'createCipheriv', 'createDecipheriv', 'createPublicKey', 'pbkdf2Sync', 'scryptSync', 'verify', 'sign',
].map(missing);
export const webcrypto = { getRandomValues, randomUUID, subtle };
globalThis.crypto = webcrypto;
export default {
  createHash, createHmac, hash, randomBytes, randomInt, randomUUID, timingSafeEqual, getHashes, getRandomValues, subtle, webcrypto,
  createSign, createVerify, createCipheriv, createDecipheriv, createPublicKey, pbkdf2Sync, scryptSync, verify, sign,
};
