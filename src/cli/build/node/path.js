// Node.js's `path`, POSIX flavour.

const parts = (path, absolute) => {
  const kept = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!absolute) kept.push('..');
  }
  return kept;
};

export const sep = '/';
export const delimiter = ':';
export const isAbsolute = (path) => path.startsWith('/');
export function normalize(path) {
  if (path === '') return '.';
  const absolute = isAbsolute(path);
  const joined = parts(path, absolute).join('/');
  if (joined === '') return absolute ? '/' : path.endsWith('/') ? './' : '.';
  return (absolute ? '/' : '') + joined + (path.endsWith('/') ? '/' : '');
}
export function join(...paths) { return normalize(paths.filter((path) => path !== '').join('/')); }
export function resolve(...paths) {
  let whole = '';
  for (const path of paths.reverse()) {
    if (path === '') continue;
    whole = whole === '' ? path : `${path}/${whole}`;
    if (isAbsolute(path)) break;
  }
  if (!isAbsolute(whole)) whole = `/var/task/${whole}`;
  return `/${parts(whole, true).join('/')}`;
}
export function basename(path, suffix = '') {
  const base = path.replace(/\/+$/, '').split('/').pop();
  return suffix && base !== suffix && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base;
}
export function dirname(path) {
  const trimmed = path.replace(/(?!^)\/+$/, '');
  const at = trimmed.lastIndexOf('/');
  return at < 0 ? '.' : at === 0 ? '/' : trimmed.slice(0, at).replace(/(?!^)\/+$/, '');
}
export function extname(path) {
  const base = basename(path);
  const at = base.lastIndexOf('.');
  return at <= 0 ? '' : base.slice(at);
}
export function relative(from, to) {
  const [a, b] = [resolve(from), resolve(to)].map((path) => path.split('/').filter(Boolean));
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return [...a.slice(same).map(() => '..'), ...b.slice(same)].join('/');
}
export function parse(path) {
  const base = basename(path);
  const ext = extname(path);
  const root = isAbsolute(path) ? '/' : '';
  const dir = path.includes('/') ? dirname(path) : '';
  return { root, dir, base, ext, name: ext ? base.slice(0, -ext.length) : base };
}
export function format({ root = '', dir = '', base, name = '', ext = '' }) {
  const file = base ?? name + (ext && !ext.startsWith('.') ? `.${ext}` : ext);
  return dir ? (dir === root ? dir + file : `${dir}/${file}`) : root + file;
}
const path = { sep, delimiter, isAbsolute, normalize, join, resolve, basename, dirname, extname, relative, parse, format };
path.posix = path;
export const posix = path;
export default path;
