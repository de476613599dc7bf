// Files in /tmp, in every style of Node.js.
import fs, { createReadStream, createWriteStream, promises } from 'node:fs';
import { open } from 'node:fs/promises';
import os from 'os';
import path from 'path';
import { promisify } from 'util';

const at = (...names) => path.join(os.tmpdir(), 'files', ...names);
const code = (action) => {
  try { return action(); } catch (error) { return `${error.code} ${error.syscall}`; }
};

function sync() {
  const made = fs.mkdirSync(at('a', 'b'), { recursive: true });
  fs.writeFileSync(at('a', 'one.txt'), 'grün\n');
  fs.appendFileSync(at('a', 'one.txt'), Buffer.from('blau\n'));
  fs.copyFileSync(at('a', 'one.txt'), at('a', 'b', 'two.txt'));
  fs.renameSync(at('a', 'b', 'two.txt'), at('a', 'b', 'three.txt'));
  fs.symlinkSync('../one.txt', at('a', 'b', 'link'));
  fs.linkSync(at('a', 'one.txt'), at('a', 'hard'));
  fs.utimesSync(at('a', 'hard'), 1, new Date(2000));
  const { size, mtimeMs, nlink } = fs.statSync(at('a', 'one.txt'));
  const entries = fs.readdirSync(at('a'), { withFileTypes: true });
  const found = {
    made, size, mtimeMs, nlink,
    text: fs.readFileSync(at('a', 'b', 'link'), 'utf8'), base64: fs.readFileSync(at('a', 'one.txt'), { encoding: 'base64' }),
    names: fs.readdirSync(at(), { recursive: true }).sort(), folders: entries.filter((entry) => entry.isDirectory()).map(({ name }) => name),
    link: [fs.lstatSync(at('a', 'b', 'link')).isSymbolicLink(), fs.readlinkSync(at('a', 'b', 'link')), fs.realpathSync(at('a', 'b', 'link'))],
    exists: [at('a'), at('z'), '/nowhere'].map((place) => fs.existsSync(place)),
  };
  fs.truncateSync(at('a', 'one.txt'), 3);
  found.cut = fs.readFileSync(at('a', 'one.txt')).toString('hex');
  fs.unlinkSync(at('a', 'hard'));
  fs.rmdirSync(fs.mkdtempSync(at('x-')));
  fs.rmSync(at('a'), { recursive: true });
  fs.rmSync(at('a'), { force: true });
  return { ...found, left: fs.readdirSync(at()) };
}

function descriptors() {
  const fd = fs.openSync(at('fd'), 'w+');
  const written = [fs.writeSync(fd, 'hello world'), fs.writeSync(fd, Buffer.from('HELLO'), 1, 3, 6), fs.writeSync(fd, '!', 20)];
  const buffer = Buffer.alloc(8, '.');
  const read = [fs.readSync(fd, buffer, 0, 8, 4), buffer.toString(), fs.readSync(fd, buffer), fs.fstatSync(fd).size];
  fs.unlinkSync(at('fd'));
  fs.ftruncateSync(fd, 5);
  const unlinked = fs.readFileSync(fd, 'latin1').length + fs.fstatSync(fd).size;
  fs.closeSync(fd);
  const appending = fs.openSync(at('log'), 'a');
  fs.writeSync(appending, 'one ');
  fs.writeSync(appending, 'two', 0);
  fs.closeSync(appending);
  return { written, read, unlinked, log: fs.readFileSync(at('log'), 'utf8'), closed: code(() => fs.closeSync(appending)) };
}

async function callbacks() {
  await promisify(fs.writeFile)(at('later'), 'later');
  const text = await promisify(fs.readFile)(at('later'), 'utf8');
  const error = await new Promise((resolve) => { fs.stat(at('never'), resolve); });
  const there = await new Promise((resolve) => { fs.exists(at('later'), resolve); });
  return { text, there, error: [error.code, error.errno, error.message.replace(os.tmpdir(), '')] };
}

async function handles() {
  const file = await open(at('handle'), 'w+');
  const { bytesWritten } = await file.write('abcdef');
  const { bytesRead, buffer } = await file.read(Buffer.alloc(3), 0, 3, 2);
  await file.close();
  const [{ size }, missing] = await Promise.allSettled([promises.stat(at('handle')), promises.access(at('never'))])
    .then(([stat, access]) => [stat.value, access.reason.code]);
  return { bytesWritten, bytesRead, text: buffer.toString(), size, missing, rest: await promises.readdir(at()) };
}

async function streams() {
  const out = createWriteStream(at('stream'));
  for (let line = 0; line < 20000; line++) out.write(`line ${line}\n`);
  await new Promise((resolve) => { out.end('end', resolve); });
  let pieces = 0, length = 0;
  for await (const piece of createReadStream(at('stream'))) { pieces++; length += piece.length; }
  const part = await new Promise((resolve, reject) => {
    let text = '';
    createReadStream(at('stream'), { encoding: 'utf8', start: 5, end: 13 }).on('data', (piece) => { text += piece; }).on('end', () => resolve(text)).on('error', reject);
  });
  const missing = await new Promise((resolve) => { createReadStream(at('never')).on('error', (error) => resolve(error.code)); });
  return { pieces, length, part, missing };
}

function errors() {
  fs.mkdirSync(at('folder', 'inner'), { recursive: true });
  fs.writeFileSync(at('file'), '');
  return [
    () => fs.readFileSync(at('none')), () => fs.readFileSync('/var/task/none'), () => fs.mkdirSync(at('folder')),
    () => fs.readFileSync(at('folder')), () => fs.readdirSync(at('file')), () => fs.rmdirSync(at('folder')), () => fs.unlinkSync(at('none')),
    () => fs.writeFileSync(at('file', 'x'), ''), () => fs.writeFileSync(at('file'), '', { flag: 'wx' }), () => fs.openSync(at('file'), 'q'),
    () => fs.writeFileSync(at('none', 'x'), ''), () => fs.rmSync(at('none')), () => fs.rmSync(at('folder')), () => fs.readFileSync(7),
    () => fs.readSync(99, Buffer.alloc(1)), () => fs.readFileSync({}), () => fs.writeFileSync(at('file'), {}),
    () => fs.statSync(at('none'), { throwIfNoEntry: false }) ?? 'nothing', () => fs.renameSync(at('none'), at('x')),
  ].map(code);
}

function full() {
  const told = code(() => fs.writeFileSync(at('full'), Buffer.alloc(2 << 20)));
  return [told, code(() => fs.writeFileSync('/var/task/x', ''))];
}

const JOBS = { sync, descriptors, callbacks, handles, streams, errors, full };

export const handler = async (event) => {
  const { uri } = event.Records[0].cf.request;
  fs.rmSync(at(), { recursive: true, force: true });
  fs.mkdirSync(at());
  return { status: '200', body: JSON.stringify(await JOBS[uri.slice(1)](), null, 1) };
};
