// Node.js's `http` as a client: `request` and `get`. An answer's body arrives whole, as one chunk.
import { Buffer } from './buffer.js';
import { EventEmitter } from './events.js';
import { drop, send } from './exchanges.js';
import { enqueue } from './promise.js';

/** What would change whom is trusted, or how the other side is reached; ignoring it would be worse. */
const ABSENT = ['ca', 'cert', 'key', 'pfx', 'socketPath', 'createConnection', 'checkServerIdentity'];

export const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];
export const STATUS_CODES = {
  200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content', 206: 'Partial Content', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other',
  304: 'Not Modified', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden',
  404: 'Not Found', 405: 'Method Not Allowed', 409: 'Conflict', 410: 'Gone', 412: 'Precondition Failed', 413: 'Payload Too Large',
  429: 'Too Many Requests', 500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout',
};

/** Connections are kept by the host, whatever an agent says. */
export class Agent {
  constructor(options = {}) { this.options = options; }
  destroy() {}
}
export const globalAgent = new Agent();

export class IncomingMessage extends EventEmitter {
  #body;
  #encoding;
  #flows = false;
  constructor(answer) {
    super();
    this.#body = Buffer.from(answer.body);
    this.statusCode = answer.status;
    this.statusMessage = STATUS_CODES[answer.status] ?? '';
    this.httpVersion = '1.1';
    this.complete = false;
    this.headers = {};
    this.rawHeaders = [];
    for (const [name, bytes] of answer.headers) {
      const value = Buffer.from(bytes).toString('latin1');
      this.rawHeaders.push(name, value);
      if (name === 'set-cookie') (this.headers[name] ??= []).push(value);
      else this.headers[name] = name in this.headers ? `${this.headers[name]}${name === 'cookie' ? '; ' : ', '}${value}` : value;
    }
  }
  setEncoding(encoding) { this.#encoding = encoding; return this; }
  on(name, action) {
    super.on(name, action);
    if (name === 'data') this.resume();
    return this;
  }
  resume() {
    if (this.#flows) return this;
    this.#flows = true;
    enqueue(() => {
      if (this.#body.length > 0) this.emit('data', this.#encoding ? this.#body.toString(this.#encoding) : this.#body);
      this.complete = true;
      this.emit('end');
      this.emit('close');
    });
    return this;
  }
  pause() { return this; }
  destroy() { return this; }
  pipe(target) {
    this.on('data', (chunk) => target.write(chunk));
    this.on('end', () => target.end());
    return target;
  }
  [Symbol.asyncIterator]() {
    const left = this.#body.length > 0 ? [this.#encoding ? this.#body.toString(this.#encoding) : this.#body] : [];
    this.#flows = true;
    return { next: () => Promise.resolve(left.length > 0 ? { done: false, value: left.pop() } : { done: true, value: undefined }) };
  }
}

export class ClientRequest extends EventEmitter {
  #headers = new Map();
  #chunks = [];
  #number;
  #timer;
  #patience;
  constructor(scheme, options, onResponse) {
    super();
    for (const name of ABSENT) if (options[name] !== undefined) throw new Error(`the option ${name} of ${scheme}.request is not available in verge`);
    if (options.rejectUnauthorized === false) throw new Error('rejectUnauthorized: false is not available in verge: certificates are always checked');
    const { hostname = options.host ?? 'localhost', port = options.defaultPort, path = '/', method = 'GET', headers = {}, auth, timeout } = options;
    this.protocol = options.protocol ?? `${scheme}:`;
    this.method = String(method).toUpperCase();
    this.path = path;
    this.host = String(hostname);
    const host = this.host.includes(':') && !this.host.startsWith('[') ? `[${this.host}]` : this.host;
    this.url = `${this.protocol}//${host}${port ? `:${port}` : ''}${path}`;
    this.destroyed = false;
    this.finished = false;
    for (const [name, value] of Array.isArray(headers) ? headers : Object.entries(headers)) this.setHeader(name, value);
    if (auth) this.setHeader('Authorization', `Basic ${Buffer.from(auth).toString('base64')}`);
    if (timeout) this.setTimeout(timeout);
    if (onResponse) this.once('response', onResponse);
  }
  setHeader(name, value) { this.#headers.set(String(name).toLowerCase(), [].concat(value).map(String)); return this; }
  getHeader(name) { const values = this.#headers.get(String(name).toLowerCase()); return values?.length === 1 ? values[0] : values; }
  removeHeader(name) { this.#headers.delete(String(name).toLowerCase()); }
  flushHeaders() {}
  setNoDelay() {}
  setSocketKeepAlive() {}
  setTimeout(milliseconds, action) {
    this.#patience = milliseconds;
    if (action) this.once('timeout', action);
    if (this.#number !== undefined) this.#watch();
    return this;
  }
  #watch() {
    clearTimeout(this.#timer);
    if (this.#patience > 0) this.#timer = setTimeout(() => this.emit('timeout'), this.#patience);
  }
  write(chunk, encoding, done) {
    this.#chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : Buffer.from(chunk));
    const action = typeof encoding === 'function' ? encoding : done;
    if (action) enqueue(action);
    return true;
  }
  end(chunk, encoding, done) {
    if (this.finished || this.destroyed) return this;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') this.write(chunk, encoding);
    const action = [chunk, encoding, done].find((each) => typeof each === 'function');
    if (action) this.once('finish', action);
    this.finished = true;
    // The edge names the server itself, and frames the body.
    const own = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive'];
    const fields = [...this.#headers].filter(([name]) => !own.includes(name));
    const headers = fields.flatMap(([name, values]) => values.map((value) => [name, new Uint8Array(Buffer.from(value, 'latin1'))]));
    const body = new Uint8Array(Buffer.concat(this.#chunks));
    this.#number = send({ method: this.method, url: this.url, headers, body }, (error, answer) => this.#over(error, answer));
    this.#watch();
    enqueue(() => this.emit('finish'));
    return this;
  }
  #over(error, answer) {
    clearTimeout(this.#timer);
    if (error) {
      this.destroyed = true;
      this.emit('error', error);
    } else {
      const response = new IncomingMessage(answer);
      // Nobody listens: the body is thrown away, as Node.js does.
      if (!this.emit('response', response)) response.resume();
    }
    this.emit('close');
  }
  abort() { this.destroy(); }
  destroy(error) {
    if (this.destroyed) return this;
    this.destroyed = true;
    clearTimeout(this.#timer);
    if (this.#number !== undefined) drop(this.#number);
    const reason = error ?? Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    enqueue(() => { this.emit('error', reason); this.emit('close'); });
    return this;
  }
}

/** `request` of a scheme: `(url, options, callback)`, `(url, callback)` or `(options, callback)`. */
export function requester(scheme) {
  return function request(...args) {
    const onResponse = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    let options = {};
    for (const each of args) {
      if (typeof each === 'string' || each instanceof URL) {
        const url = new URL(String(each));
        const auth = url.username ? `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` : undefined;
        options = { protocol: url.protocol, hostname: url.hostname, port: url.port || undefined, path: url.pathname + url.search, auth };
      } else if (each) options = { ...options, ...each };
    }
    if (options.protocol && options.protocol !== `${scheme}:`) {
      throw Object.assign(new TypeError(`Protocol "${options.protocol}" not supported. Expected "${scheme}:"`), { code: 'ERR_INVALID_PROTOCOL' });
    }
    return new ClientRequest(scheme, options, onResponse);
  };
}

/** `get` of a scheme: a request without a body, sent at once. */
export const getter = (request) => function get(...args) { return request(...args).end(); };

export const request = requester('http');
export const get = getter(request);
export default { request, get, Agent, globalAgent, METHODS, STATUS_CODES, ClientRequest, IncomingMessage };
