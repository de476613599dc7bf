// `fetch` with Headers, Request and Response: whole bodies, redirects followed as the Fetch Standard says.
import './abort.js';
import { Buffer } from './buffer.js';
import { drop, send } from './exchanges.js';

const encoder = new TextEncoder();
const REDIRECTS = [301, 302, 303, 307, 308];
const REDIRECTS_MAX = 20;

export class Headers {
  #fields = new Map();
  constructor(given = undefined) {
    if (given === undefined || given === null) return;
    const pairs = typeof given[Symbol.iterator] === 'function' ? given : Object.entries(given);
    for (const [name, value] of pairs) this.append(name, value);
  }
  append(name, value) { this.#of(name).push(String(value).trim()); }
  set(name, value) { this.#fields.set(this.#name(name), [String(value).trim()]); }
  delete(name) { this.#fields.delete(this.#name(name)); }
  has(name) { return this.#fields.has(this.#name(name)); }
  get(name) { return this.#fields.get(this.#name(name))?.join(', ') ?? null; }
  getSetCookie() { return [...(this.#fields.get('set-cookie') ?? [])]; }
  forEach(action, self) { for (const [name, value] of this) action.call(self, value, name, this); }
  *entries() {
    for (const name of [...this.#fields.keys()].sort()) {
      if (name === 'set-cookie') for (const value of this.getSetCookie()) yield [name, value];
      else yield [name, this.get(name)];
    }
  }
  *keys() { for (const [name] of this) yield name; }
  *values() { for (const [, value] of this) yield value; }
  [Symbol.iterator]() { return this.entries(); }
  #name(name) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(String(name))) throw new TypeError(`Headers: ${name} is an invalid header name.`);
    return String(name).toLowerCase();
  }
  #of(name) {
    name = this.#name(name);
    if (!this.#fields.has(name)) this.#fields.set(name, []);
    return this.#fields.get(name);
  }
}

/** A body's bytes, and the content type that goes with its kind. */
function bytesOf(body) {
  if (body === undefined || body === null) return [null, null];
  if (typeof body === 'string') return [encoder.encode(body), 'text/plain;charset=UTF-8'];
  if (body instanceof URLSearchParams) return [encoder.encode(String(body)), 'application/x-www-form-urlencoded;charset=UTF-8'];
  if (body instanceof ArrayBuffer) return [new Uint8Array(body), null];
  if (ArrayBuffer.isView(body)) return [new Uint8Array(body.buffer, body.byteOffset, body.byteLength), null];
  if (typeof body === 'object' && Symbol.asyncIterator in body) throw new TypeError('streams as bodies are not available in verge');
  return [encoder.encode(String(body)), 'text/plain;charset=UTF-8'];
}

class Body {
  #bytes;
  bodyUsed = false;
  _fill(body) {
    const [bytes, type] = bytesOf(body);
    this.#bytes = bytes;
    if (type && !this.headers.has('content-type')) this.headers.set('content-type', type);
  }
  get _bytes() { return this.#bytes; }
  get body() {
    if (this.#bytes === null) return null;
    const parts = () => {
      const left = [this.#use()];
      return () => Promise.resolve(left.length > 0 ? { done: false, value: left.pop() } : { done: true, value: undefined });
    };
    return {
      locked: false,
      getReader: () => ({ read: parts(), releaseLock() {}, cancel: async () => {} }),
      [Symbol.asyncIterator]: () => ({ next: parts() }),
    };
  }
  async bytes() { return new Uint8Array(this.#use()); }
  async arrayBuffer() { return (await this.bytes()).buffer; }
  async text() { return new TextDecoder().decode(this.#use()); }
  async json() { return JSON.parse(await this.text()); }
  #use() {
    if (this.bodyUsed) throw new TypeError('Body is unusable: Body has already been read');
    this.bodyUsed = this.#bytes !== null;
    return this.#bytes ?? new Uint8Array();
  }
}

export class Request extends Body {
  constructor(input, init = {}) {
    super();
    const from = input instanceof Request ? input : null;
    const url = new URL(from ? from.url : String(input));
    if (url.username || url.password) throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${input}`);
    this.url = url.href;
    const method = String(init.method ?? from?.method ?? 'GET');
    this.method = /^(get|head|post|put|delete|options)$/i.test(method) ? method.toUpperCase() : method;
    this.headers = new Headers(init.headers ?? from?.headers);
    this.redirect = init.redirect ?? from?.redirect ?? 'follow';
    this.signal = init.signal ?? from?.signal ?? null;
    const body = init.body ?? from?._bytes;
    if (body !== undefined && body !== null && /^(GET|HEAD)$/.test(this.method)) throw new TypeError('Request with GET/HEAD method cannot have body.');
    this._fill(body);
  }
  clone() { return new Request(this); }
}

export class Response extends Body {
  constructor(body = null, { status = 200, statusText = '', headers } = {}) {
    super();
    Object.assign(this, { status, statusText, headers: new Headers(headers), url: '', redirected: false, type: 'default' });
    this._fill(body);
  }
  get ok() { return this.status >= 200 && this.status <= 299; }
  clone() { return Object.assign(new Response(this._bytes, this), { url: this.url, redirected: this.redirected, type: this.type }); }
  static json(value, init = {}) {
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(JSON.stringify(value), { ...init, headers });
  }
  static redirect(url, status = 302) { return new Response(null, { status, headers: { location: new URL(url).href } }); }
  static error() { return Object.assign(new Response(), { status: 0, type: 'error' }); }
}

/** One exchange, as a promise that the signal may end. */
function exchange(url, method, headers, body, signal) {
  return new Promise((resolve, reject) => {
    const fields = [...headers].map(([name, value]) => [name, encoder.encode(value)]);
    const end = () => { drop(number); reject(signal.reason); };
    const number = send({ method, url, headers: fields, body: body ?? new Uint8Array() }, (error, answer) => {
      signal?.removeEventListener('abort', end);
      if (error) reject(Object.assign(new TypeError('fetch failed'), { cause: error }));
      else resolve(answer);
    });
    signal?.addEventListener('abort', end);
  });
}

function headersOf(answer) {
  return answer.headers.map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
}

/** The request that follows a redirect (Fetch Standard, HTTP-redirect fetch), changed in place. */
function follow(step, status, location) {
  const next = new URL(location, step.url);
  if ((status === 303 && !/^(GET|HEAD)$/.test(step.method)) || (status <= 302 && step.method === 'POST')) {
    Object.assign(step, { method: 'GET', body: null });
    for (const name of ['content-encoding', 'content-language', 'content-location', 'content-type']) step.headers.delete(name);
  }
  if (next.origin !== new URL(step.url).origin) for (const name of ['authorization', 'cookie']) step.headers.delete(name);
  step.url = next.href;
}

export async function fetch(input, init) {
  const request = new Request(input, init);
  const { signal, redirect } = request;
  const step = { url: request.url, method: request.method, headers: request.headers, body: request._bytes };
  if (!step.headers.has('accept')) step.headers.set('accept', '*/*');
  if (!step.headers.has('user-agent')) step.headers.set('user-agent', 'node');
  for (let count = 0; ; count++) {
    signal?.throwIfAborted();
    const url = new URL(step.url);
    url.hash = '';
    const answer = await exchange(url.href, step.method, step.headers, step.body, signal);
    const headers = headersOf(answer);
    const location = headers.find(([name]) => name === 'location')?.[1];
    if (redirect === 'manual' || !REDIRECTS.includes(answer.status) || location === undefined) {
      const bodyless = step.method === 'HEAD' || [204, 205, 304].includes(answer.status);
      const response = new Response(bodyless ? null : answer.body, { status: answer.status, headers });
      return Object.assign(response, { url: step.url, redirected: count > 0, type: 'basic' });
    }
    const refuse = (why) => { throw Object.assign(new TypeError('fetch failed'), { cause: new Error(why) }); };
    if (redirect === 'error') refuse('unexpected redirect');
    if (count === REDIRECTS_MAX) refuse('redirect count exceeded');
    follow(step, answer.status, location);
  }
}
Object.assign(globalThis, { fetch, Headers, Request, Response });
