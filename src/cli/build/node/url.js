// URLs: the WHATWG's `URL` and `URLSearchParams` for the schemes of the web, and Node.js's older `url.parse`.
import querystring from './querystring.js';

const PORTS = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21' };
const encode = (text, keep) => Array.from(text, (c) => (keep.test(c) ? c : encodeURIComponent(c.isWellFormed() ? c : '\ufffd'))).join('');
const PATH = /[A-Za-z0-9\-._~!$&'()*+,;=:@%/[\]|\\^]/;
const QUERY = /[A-Za-z0-9\-._~!$&()*+,;=:@%/?[\]|\\^`{}]/;
const HASH = /[A-Za-z0-9\-._~!$&'()*+,;=:@%/?[\]|\\^{}#]/;

const form = (text) => encodeURIComponent(text).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('%20', '+');
const unform = (text) => querystring.unescape(text.replaceAll('+', ' '));

export class URLSearchParams {
  #pairs = [];
  #changed = () => {};
  constructor(init = '', changed) {
    if (changed) this.#changed = changed;
    if (typeof init === 'object' && init !== null) {
      const pairs = typeof init[Symbol.iterator] === 'function' ? [...init] : Object.entries(init);
      this.#pairs = pairs.map(([name, value]) => [String(name), String(value)]);
    } else this.#pairs = URLSearchParams.#read(String(init));
  }
  static #read(text) {
    return text.replace(/^\?/, '').split('&').filter((piece) => piece !== '').map((piece) => {
      const at = piece.indexOf('=');
      return at < 0 ? [unform(piece), ''] : [unform(piece.slice(0, at)), unform(piece.slice(at + 1))];
    });
  }
  get size() { return this.#pairs.length; }
  get(name) { return this.#pairs.find(([key]) => key === String(name))?.[1] ?? null; }
  getAll(name) { return this.#pairs.filter(([key]) => key === String(name)).map(([, value]) => value); }
  has(name, value) { return this.#pairs.some(([key, held]) => key === String(name) && (value === undefined || held === String(value))); }
  append(name, value) { this.#pairs.push([String(name), String(value)]); this.#changed(); }
  delete(name, value) {
    this.#pairs = this.#pairs.filter(([key, held]) => key !== String(name) || (value !== undefined && held !== String(value)));
    this.#changed();
  }
  set(name, value) {
    const at = this.#pairs.findIndex(([key]) => key === String(name));
    if (at < 0) this.#pairs.push([String(name), String(value)]);
    else {
      this.#pairs[at][1] = String(value);
      this.#pairs = this.#pairs.filter(([key], place) => place <= at || key !== String(name));
    }
    this.#changed();
  }
  sort() { this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); this.#changed(); }
  forEach(action, self) { for (const [name, value] of [...this.#pairs]) action.call(self, value, name, this); }
  * entries() { for (const [name, value] of this.#pairs) yield [name, value]; }
  * keys() { for (const [name] of this.#pairs) yield name; }
  * values() { for (const [, value] of this.#pairs) yield value; }
  [Symbol.iterator]() { return this.entries(); }
  toString() { return this.#pairs.map(([name, value]) => `${form(name)}=${form(value)}`).join('&'); }
}

function dots(path) {
  const kept = [];
  const pieces = path.split('/');
  pieces.forEach((piece, at) => {
    const lower = piece.toLowerCase().replaceAll('%2e', '.');
    const last = at === pieces.length - 1;
    if (lower === '..') { if (kept.length > 1) kept.pop(); if (last) kept.push(''); }
    else if (lower === '.') { if (last) kept.push(''); }
    else kept.push(piece);
  });
  return kept.join('/') || '/';
}

const invalid = (input) => Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input });

export class URL {
  #parts;
  #params;
  constructor(input, base) {
    const text = String(input).trim();
    this.#parts = URL.#parse(text, base === undefined ? undefined : new URL(base));
    if (!this.#parts) throw invalid(text);
    this.#params = this.#follow();
  }
  #follow() {
    const params = new URLSearchParams(this.#parts.search, () => {
      const text = params.toString();
      this.#parts.search = text ? `?${text}` : '';
    });
    return params;
  }
  static canParse(input, base) { try { return Boolean(new URL(input, base)); } catch { return false; } }
  static parse(input, base) { try { return new URL(input, base); } catch { return null; } }

  static #parse(text, base) {
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]*:)(.*)$/s.exec(text);
    const [, before, search = '', hash = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(scheme ? scheme[2] : text);
    const tail = { search: search.length > 1 ? encode(search, QUERY) : '', hash: hash.length > 1 ? encode(hash, HASH) : '' };
    if (scheme) {
      const protocol = scheme[1].toLowerCase();
      if (!(protocol in PORTS) && !before.startsWith('//')) return { protocol, opaque: true, username: '', password: '', hostname: '', port: '', pathname: before, ...tail };
      return URL.#authority(protocol, before.replaceAll('\\', '/').replace(/^\/*/, ''), tail);
    }
    if (!base) return null;
    const from = base.#parts;
    if (/^[\\/]{2}/.test(before)) return URL.#authority(from.protocol, before.slice(2), tail);
    if (before === '') return { ...from, search: search ? tail.search : from.search, hash: tail.hash };
    const path = before.replaceAll('\\', '/');
    const whole = path.startsWith('/') ? path : from.pathname.replace(/[^/]*$/, '') + path;
    return { ...from, pathname: dots(encode(whole, PATH)), ...tail };
  }
  static #authority(protocol, rest, tail) {
    const [, authority, path] = /^([^/]*)(.*)$/s.exec(rest);
    const [, user = '', password = '', host] = /^(?:([^@:]*)(?::([^@]*))?@)?(.*)$/s.exec(authority);
    const found = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s<>^|%#?@\\]+)(?::(\d*))?$/.exec(host);
    if (!found || Number(found[2] ?? 0) > 65535) return null;
    const port = found[2] && String(Number(found[2])) !== PORTS[protocol] ? String(Number(found[2])) : '';
    return { protocol, username: user, password, hostname: found[1].toLowerCase(), port, pathname: dots(encode(path || '/', PATH)), ...tail };
  }

  get protocol() { return this.#parts.protocol; }
  set protocol(value) { this.#parts.protocol = `${String(value).replace(/:$/, '').toLowerCase()}:`; }
  get username() { return this.#parts.username; }
  set username(value) { this.#parts.username = encodeURIComponent(value); }
  get password() { return this.#parts.password; }
  set password(value) { this.#parts.password = encodeURIComponent(value); }
  get hostname() { return this.#parts.hostname; }
  set hostname(value) { if (value) this.#parts.hostname = String(value).toLowerCase(); }
  get port() { return this.#parts.port; }
  set port(value) { this.#parts.port = String(value) === PORTS[this.protocol] ? '' : String(value); }
  get host() { return this.hostname + (this.port && `:${this.port}`); }
  set host(value) { [this.hostname, this.port = ''] = String(value).split(':'); }
  get pathname() { return this.#parts.pathname; }
  set pathname(value) { this.#parts.pathname = dots(encode(String(value).replace(/^(?!\/)/, '/'), PATH).replaceAll('?', '%3F').replaceAll('#', '%23')); }
  get search() { return this.#parts.search; }
  set search(value) {
    const text = encode(String(value).replace(/^\?/, ''), QUERY);
    this.#parts.search = text ? `?${text}` : '';
    this.#params = this.#follow();
  }
  get hash() { return this.#parts.hash; }
  set hash(value) { const text = encode(String(value).replace(/^#/, ''), HASH); this.#parts.hash = text ? `#${text}` : ''; }
  get searchParams() { return this.#params; }
  get origin() { return this.protocol in PORTS ? `${this.protocol}//${this.host}` : 'null'; }
  get href() {
    const { protocol, opaque, username, password, pathname, search, hash } = this.#parts;
    const user = username || password ? `${username}${password && `:${password}`}@` : '';
    return `${protocol}${opaque ? '' : `//${user}${this.host}`}${pathname}${search}${hash}`;
  }
  set href(value) { this.#parts = URL.#parse(String(value)) ?? (() => { throw invalid(value); })(); this.#params = this.#follow(); }
  toString() { return this.href; }
  toJSON() { return this.href; }
}
Object.assign(globalThis, { URL, URLSearchParams });

export function parse(text, parseQuery = false) {
  const found = /^([A-Za-z][A-Za-z0-9+.-]*:)?(\/\/(?:([^/?#@]*)@)?([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(String(text).trim());
  const [, protocol = null, slashes, auth = null, host = null, pathname, search = null, hash = null] = found;
  const [, hostname = null, port = null] = /^(.*?)(?::(\d+))?$/.exec(host ?? '') ?? [];
  const path = pathname || (host ? '/' : null);
  const query = search === null ? null : search.slice(1);
  return {
    protocol: protocol?.toLowerCase() ?? null, slashes: slashes !== undefined || null, auth, host: host?.toLowerCase() ?? null,
    port, hostname: host === null ? null : hostname.toLowerCase(), hash,
    search: search ?? (parseQuery ? '' : null), query: parseQuery ? querystring.parse(query ?? '') : query,
    pathname: path, path: path === null && search === null ? null : (path ?? '') + (search ?? ''), href: String(text).trim(),
  };
}
export function format(value) {
  if (typeof value === 'string') return parse(value).href;
  if (value instanceof URL) return value.href;
  const { protocol, auth, host, hostname, port, pathname = '', search, query, hash = '', slashes } = value;
  const site = host ?? (hostname ? hostname + (port ? `:${port}` : '') : '');
  const text = search ?? (query && typeof query === 'object' ? querystring.stringify(query) : query) ?? '';
  const mark = (part, first) => (part && !part.startsWith(first) ? first + part : part ?? '');
  const scheme = protocol ? `${protocol.replace(/:$/, '')}:` : '';
  return `${scheme}${site || slashes ? '//' : ''}${auth ? `${auth}@` : ''}${site}${pathname ?? ''}${mark(text, '?')}${mark(hash, '#')}`;
}
export function resolve(from, to) {
  const base = new URL(from, 'resolve://host/');
  const whole = new URL(to, base);
  return whole.protocol === 'resolve:' ? whole.pathname + whole.search + whole.hash : whole.href;
}
export const fileURLToPath = (url) => decodeURIComponent(new URL(url).pathname);
export default { URL, URLSearchParams, parse, format, resolve, fileURLToPath };
