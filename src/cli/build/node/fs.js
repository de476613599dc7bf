// Node.js's `fs` over the environment's `/tmp`; no other folder is there, and nothing ever waits.
import {
  close, describe, link, lookUp, makeDirectory, makeLink, names, open, read, readLink, removeDirectory, rename, resize, setTimes,
  unlink, write,
} from 'verge:edge/files@0.1.0';
import { Buffer } from './buffer.js';
import { ReadStream, WriteStream } from './fs/streams.js';
import { dirname, resolve as resolvePath } from './path.js';
import { setImmediate } from './timers.js';
import { fileURLToPath } from './url.js';

// POSIX's name for each failure of the host, its number in Linux, and what Node.js says.
const ERRORS = {
  exists: ['EEXIST', 17, 'file already exists'],
  'file-too-large': ['EFBIG', 27, 'file too large'],
  invalid: ['EINVAL', 22, 'invalid argument'],
  'is-directory': ['EISDIR', 21, 'illegal operation on a directory'],
  loop: ['ELOOP', 40, 'too many symbolic links encountered'],
  'name-too-long': ['ENAMETOOLONG', 36, 'name too long'],
  'no-entry': ['ENOENT', 2, 'no such file or directory'],
  'no-space': ['ENOSPC', 28, 'no space left on device'],
  'not-directory': ['ENOTDIR', 20, 'not a directory'],
  'not-empty': ['ENOTEMPTY', 39, 'directory not empty'],
  'not-permitted': ['EPERM', 1, 'operation not permitted'],
  // What only this side knows.
  'bad-descriptor': ['EBADF', 9, 'bad file descriptor'],
  'read-only': ['EROFS', 30, 'read-only file system'],
  'too-many': ['EMFILE', 24, 'too many open files'],
};
const PIECE = 1 << 16;
const OPEN_MAX = 1024;

export const constants = {
  F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4, COPYFILE_EXCL: 1, O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_CREAT: 64, O_EXCL: 128, O_TRUNC: 512,
  O_APPEND: 1024, S_IFMT: 0o170000, S_IFREG: 0o100000, S_IFDIR: 0o40000, S_IFLNK: 0o120000,
};
const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = constants;
const FLAGS = {
  r: 0, rs: 0, 'r+': O_RDWR, 'rs+': O_RDWR, w: O_WRONLY | O_CREAT | O_TRUNC, 'w+': O_RDWR | O_CREAT | O_TRUNC,
  a: O_WRONLY | O_CREAT | O_APPEND, 'a+': O_RDWR | O_CREAT | O_APPEND,
};
for (const flag of ['w', 'w+', 'a', 'a+']) FLAGS[flag.replace(/^./, '$&x')] = FLAGS[flag] | O_EXCL;

function errorOf(kind, syscall, path, dest) {
  const [code, errno, text] = ERRORS[kind] ?? ['EIO', 5, 'i/o error'];
  const places = (path === undefined ? '' : ` '${path}'`) + (dest === undefined ? '' : ` -> '${dest}'`);
  const error = Object.assign(new Error(`${code}: ${text}, ${syscall}${places}`), { errno: -errno, code, syscall });
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

/** Asks the host; its failure becomes Node.js's error. */
function ask(syscall, path, dest, action) {
  try { return action(); } catch (error) {
    const kind = error?.payload ?? error;
    if (kind in ERRORS) throw errorOf(kind, syscall, path, dest);
    throw error;
  }
}

function textOf(path) {
  if (path instanceof Uint8Array) path = Buffer.from(path).toString();
  if (path !== null && typeof path === 'object' && path.protocol === 'file:') path = fileURLToPath(path);
  if (typeof path !== 'string') {
    const message = `The "path" argument must be of type string or an instance of Buffer or URL. Received ${path === null ? 'null' : typeof path}`;
    throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  return path;
}

/** The path as the host knows it. Beside `/tmp` there is nothing to be read, and nothing can be made. */
function below(path, syscall, changes = false) {
  const text = textOf(path);
  const whole = text === '' ? '' : resolvePath(text);
  if (whole === '/tmp') return '.';
  if (!whole.startsWith('/tmp/')) throw errorOf(changes && text !== '' ? 'read-only' : 'no-entry', syscall, text);
  return whole.slice(5) + (text.endsWith('/') ? '/' : '');
}

const bytesOf = (data, encoding) => {
  if (typeof data === 'string') return Buffer.from(data, encoding);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw Object.assign(new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView'), { code: 'ERR_INVALID_ARG_TYPE' });
};
const optionsOf = (options) => (typeof options === 'string' ? { encoding: options } : options ?? {});
const encoded = (bytes, { encoding }) => (encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes);

const opened = new Map();
let last = 2;

function fileOf(fd, syscall, right) {
  const file = opened.get(fd);
  if (!file || (right && !file[right])) throw errorOf('bad-descriptor', syscall);
  return file;
}

export function openSync(path, flags = 'r') {
  const how = typeof flags === 'number' ? flags : FLAGS[flags];
  if (how === undefined) throw Object.assign(new TypeError(`The argument 'flags' is invalid. Received '${flags}'`), { code: 'ERR_INVALID_ARG_VALUE' });
  const writes = (how & 3) !== 0;
  const place = below(path, 'open', writes);
  if (opened.size >= OPEN_MAX) throw errorOf('too-many', 'open', path);
  const opening = { write: writes, create: (how & O_CREAT) !== 0, exclusive: (how & O_EXCL) !== 0, truncate: (how & O_TRUNC) !== 0 };
  const number = ask('open', path, undefined, () => open(place, opening));
  opened.set(++last, { number, position: 0, reads: (how & O_WRONLY) === 0, writes, appends: (how & O_APPEND) !== 0 });
  return last;
}

export function closeSync(fd) {
  const { number } = fileOf(fd, 'close');
  opened.delete(fd);
  close(number);
}

export function readSync(fd, buffer, offset = 0, length, position = null) {
  if (offset !== null && typeof offset === 'object') ({ offset = 0, length, position = null } = offset);
  const file = fileOf(fd, 'read', 'reads');
  const target = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  length ??= target.length - offset;
  let at = Number(position ?? file.position), count = 0;
  while (count < length) {
    const piece = ask('read', undefined, undefined, () => read(file.number, at, Math.min(length - count, PIECE)));
    if (piece.length === 0) break;
    target.set(piece, offset + count);
    count += piece.length;
    at += piece.length;
  }
  if (position === null) file.position = at;
  return count;
}

export function writeSync(fd, data, offset, length, position) {
  const file = fileOf(fd, 'write', 'writes');
  if (typeof data === 'string') [position, data, offset, length] = [offset, bytesOf(data, length), 0, undefined];
  else if (offset !== null && typeof offset === 'object') ({ offset, length, position } = offset);
  const bytes = bytesOf(data).subarray(offset ?? 0, length === undefined ? undefined : (offset ?? 0) + length);
  let at = typeof position === 'number' ? position : file.position;
  if (file.appends) at = Number(describe(file.number).length);
  ask('write', undefined, undefined, () => {
    for (let from = 0; from < bytes.length; from += PIECE) write(file.number, at + from, bytes.subarray(from, from + PIECE));
  });
  if (typeof position !== 'number') file.position = at + bytes.length;
  return bytes.length;
}

export function ftruncateSync(fd, length = 0) {
  const { number } = fileOf(fd, 'ftruncate', 'writes');
  ask('ftruncate', undefined, undefined, () => resize(number, length ?? 0));
}

class Stats {
  constructor({ number, kind, links, length, accessed, modified, changed }) {
    const mode = { file: 0o100644, directory: 0o40755, link: 0o120777 }[kind];
    const size = Number(length);
    Object.assign(this, {
      dev: 1, ino: Number(number), mode, nlink: Number(links), uid: 0, gid: 0, rdev: 0, size, blksize: 4096, blocks: 8 * Math.ceil(size / 4096),
      atimeMs: accessed, mtimeMs: modified, ctimeMs: changed, birthtimeMs: changed,
      atime: new Date(accessed), mtime: new Date(modified), ctime: new Date(changed), birthtime: new Date(changed),
    });
  }
}
class Dirent {
  constructor(name, parentPath, kind) { Object.assign(this, { name, parentPath, path: parentPath }); this.#kind = kind; }
  #kind;
  get _kind() { return this.#kind; }
}
for (const [method, type, kind] of [['isFile', 0o100000, 'file'], ['isDirectory', 0o40000, 'directory'], ['isSymbolicLink', 0o120000, 'link']]) {
  Stats.prototype[method] = function is() { return (this.mode & 0o170000) === type; };
  Dirent.prototype[method] = function is() { return this._kind === kind; };
}
for (const method of ['isBlockDevice', 'isCharacterDevice', 'isFIFO', 'isSocket']) Stats.prototype[method] = Dirent.prototype[method] = () => false;
export { Dirent, Stats };

function statOf(path, syscall, follow, options) {
  try {
    const place = below(path, syscall);
    return new Stats(ask(syscall, textOf(path), undefined, () => lookUp(place, follow)));
  } catch (error) {
    if (options?.throwIfNoEntry === false && ['ENOENT', 'ENOTDIR'].includes(error.code)) return undefined;
    throw error;
  }
}
export const statSync = (path, options) => statOf(path, 'stat', true, options);
export const lstatSync = (path, options) => statOf(path, 'lstat', false, options);
export function fstatSync(fd) {
  const { number } = fileOf(fd, 'fstat');
  return new Stats(ask('fstat', undefined, undefined, () => describe(number)));
}
export function accessSync(path) { statOf(path, 'access', true); }
export function existsSync(path) {
  try { accessSync(path); return true; } catch { return false; }
}

/** Uses a descriptor, or a path that is open meanwhile. */
function using(file, flags, action) {
  if (typeof file === 'number') return action(file);
  const fd = openSync(file, flags);
  try { return action(fd); } finally { closeSync(fd); }
}

export function readFileSync(path, options) {
  options = optionsOf(options);
  return using(path, options.flag ?? 'r', (fd) => {
    const pieces = [];
    const buffer = Buffer.alloc(PIECE);
    for (let count; (count = readSync(fd, buffer)) > 0;) pieces.push(buffer.subarray(0, count).slice());
    return encoded(Buffer.concat(pieces), options);
  });
}
export function writeFileSync(path, data, options) {
  options = optionsOf(options);
  using(path, options.flag ?? 'w', (fd) => writeSync(fd, bytesOf(data, options.encoding)));
}
export function appendFileSync(path, data, options) { writeFileSync(path, data, { flag: 'a', ...optionsOf(options) }); }
export function truncateSync(path, length) { using(path, 'r+', (fd) => ftruncateSync(fd, length)); }
export function copyFileSync(from, to, mode = 0) {
  writeFileSync(to, readFileSync(from), { flag: mode & constants.COPYFILE_EXCL ? 'wx' : 'w' });
}

export function readdirSync(path, options) {
  options = optionsOf(options);
  const place = below(path, 'scandir');
  const text = textOf(path);
  const found = [];
  for (let after; ;) {
    const some = ask('scandir', text, undefined, () => names(place, after));
    if (some.length === 0) break;
    [after] = some.at(-1);
    for (const [name, kind] of some) {
      found.push(options.withFileTypes ? new Dirent(name, text, kind) : encoded(name, {}));
      if (options.recursive && kind === 'directory') {
        const inner = readdirSync(`${text}/${name}`, options);
        found.push(...inner.map((each) => (options.withFileTypes ? each : `${name}/${each}`)));
      }
    }
  }
  return found;
}

export function mkdirSync(path, options) {
  const place = below(path, 'mkdir', true);
  const text = textOf(path);
  try {
    ask('mkdir', text, undefined, () => makeDirectory(place));
    return options?.recursive ? resolvePath(text) : undefined;
  } catch (error) {
    if (!options?.recursive) throw error;
    if (error.code === 'EEXIST' && statSync(text).isDirectory()) return undefined;
    if (error.code !== 'ENOENT') throw error;
    const first = mkdirSync(dirname(resolvePath(text)), options);
    mkdirSync(text);
    return first;
  }
}
export function mkdtempSync(prefix) {
  for (;;) {
    const path = textOf(prefix) + Array.from({ length: 6 }, () => Math.floor(Math.random() * 36).toString(36)).join('');
    if (!existsSync(path)) { mkdirSync(path); return path; }
  }
}

/** A function of one path, or of two, that changes something. */
const changing = (syscall, action) => (path) => {
  const place = below(path, syscall, true);
  ask(syscall, textOf(path), undefined, () => action(place));
};
const changingTwo = (syscall, action) => (from, to) => {
  const places = [below(from, syscall, true), below(to, syscall, true)];
  ask(syscall, textOf(from), textOf(to), () => action(...places));
};
export const unlinkSync = changing('unlink', unlink);
export const rmdirSync = changing('rmdir', removeDirectory);
export const renameSync = changingTwo('rename', rename);
export const linkSync = changingTwo('link', link);
export function rmSync(path, options = {}) {
  const status = statOf(path, 'lstat', false, { throwIfNoEntry: !options.force });
  if (!status) return;
  if (!status.isDirectory()) { unlinkSync(path); return; }
  if (!options.recursive) {
    throw Object.assign(new Error(`Path is a directory: rm returned EISDIR (is a directory) ${path}`), { code: 'ERR_FS_EISDIR', errno: 21, syscall: 'rm', path });
  }
  for (const name of readdirSync(path)) rmSync(`${textOf(path)}/${name}`, options);
  rmdirSync(path);
}
export function symlinkSync(target, path) {
  const place = below(path, 'symlink', true);
  ask('symlink', textOf(target), textOf(path), () => makeLink(place, textOf(target)));
}
export function readlinkSync(path) {
  const place = below(path, 'readlink');
  return ask('readlink', textOf(path), undefined, () => readLink(place));
}
export function realpathSync(path) {
  let whole = '';
  for (const name of resolvePath(textOf(path)).split('/').slice(1)) {
    whole = `${whole}/${name}`;
    if (whole !== '/tmp' && lstatSync(whole).isSymbolicLink()) whole = realpathSync(resolvePath(dirname(whole), readlinkSync(whole)));
  }
  return whole;
}
export function utimesSync(path, accessed, modified) {
  const place = below(path, 'utime', true);
  const milliseconds = (time) => (time instanceof Date ? time.getTime() : Number(time) * 1000);
  ask('utime', textOf(path), undefined, () => setTimes(place, milliseconds(accessed), milliseconds(modified)));
}
/** There is one user, whose files can always be read and written. */
export function chmodSync(path) { below(path, 'chmod', true); statOf(path, 'chmod', true); }
export const chownSync = chmodSync;
export function fsyncSync(fd) { fileOf(fd, 'fsync'); }
export const fdatasyncSync = fsyncSync;

export const createReadStream = (path, options) => new ReadStream({ openSync, readSync, closeSync }, path, optionsOf(options));
export const createWriteStream = (path, options) => new WriteStream({ openSync, writeSync, closeSync }, path, optionsOf(options));

const SYNC = {
  access: accessSync, appendFile: appendFileSync, chmod: chmodSync, chown: chownSync, close: closeSync, copyFile: copyFileSync,
  fdatasync: fdatasyncSync, fstat: fstatSync, fsync: fsyncSync, ftruncate: ftruncateSync, link: linkSync, lstat: lstatSync, mkdir: mkdirSync,
  mkdtemp: mkdtempSync, open: openSync, readFile: readFileSync, readdir: readdirSync, readlink: readlinkSync, realpath: realpathSync,
  rename: renameSync, rm: rmSync, rmdir: rmdirSync, stat: statSync, symlink: symlinkSync, truncate: truncateSync, unlink: unlinkSync,
  utimes: utimesSync, writeFile: writeFileSync,
};
const later = (callback, action) => {
  if (typeof callback !== 'function') throw Object.assign(new TypeError('The "cb" argument must be of type function'), { code: 'ERR_INVALID_ARG_TYPE' });
  let told;
  try { told = [null, ...action()]; } catch (error) { told = [error]; }
  setImmediate(() => callback(...told));
};
const withCallbacks = {
  exists: (path, callback) => { setImmediate(() => callback(existsSync(path))); },
  read: (fd, buffer, ...rest) => { later(rest.pop(), () => [readSync(fd, buffer, ...rest), buffer]); },
  write: (fd, data, ...rest) => { later(rest.pop(), () => [writeSync(fd, data, ...rest), data]); },
};
const promised = (action) => (...args) => new Promise((resolve) => { resolve(action(...args)); });
const promises = { constants };
for (const [name, action] of Object.entries(SYNC)) {
  withCallbacks[name] = (...args) => { later(args.pop(), () => [action(...args)]); };
  if (!/^(close|f)/.test(name)) promises[name] = promised(action);
}

class FileHandle {
  constructor(fd) { this.fd = fd; }
  close() { return promised(closeSync)(this.fd); }
  stat() { return promised(fstatSync)(this.fd); }
  sync() { return promised(fsyncSync)(this.fd); }
  datasync() { return this.sync(); }
  truncate(length) { return promised(ftruncateSync)(this.fd, length); }
  readFile(options) { return promised(readFileSync)(this.fd, options); }
  writeFile(data, options) { return promised(writeFileSync)(this.fd, data, options); }
  appendFile(data, options) { return this.writeFile(data, options); }
  read(buffer, ...rest) { return promised(() => ({ bytesRead: readSync(this.fd, buffer, ...rest), buffer }))(); }
  write(buffer, ...rest) { return promised(() => ({ bytesWritten: writeSync(this.fd, buffer, ...rest), buffer }))(); }
}
promises.open = promised((...args) => new FileHandle(openSync(...args)));

export const {
  access, appendFile, chmod, chown, copyFile, exists, fdatasync, fstat, fsync, ftruncate, lstat, mkdir, mkdtemp, readFile, readdir, readlink,
  realpath, rm, rmdir, stat, symlink, truncate, utimes, writeFile,
} = withCallbacks;
const {
  close: closeLater, link: linkLater, open: openLater, read: readLater, rename: renameLater, unlink: unlinkLater, write: writeLater,
} = withCallbacks;
export {
  closeLater as close, linkLater as link, openLater as open, promises, readLater as read, renameLater as rename, unlinkLater as unlink,
  writeLater as write, ReadStream, WriteStream,
};
export default {
  ...withCallbacks, ...Object.fromEntries(Object.entries(SYNC).map(([name, action]) => [`${name}Sync`, action])), existsSync, readSync, writeSync,
  constants, promises, createReadStream, createWriteStream, ReadStream, WriteStream, Stats, Dirent,
};
