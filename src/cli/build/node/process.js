// `process`, and what else a program finds in Node.js without asking for it.
import { environment } from 'verge:edge/context@0.1.0';
import { random } from 'verge:edge/digest@0.1.0';
import { enqueue } from './promise.js';

const started = Date.now();
const nanoseconds = () => BigInt(Math.round(performance.now() * 1e6));
const process = {
  env: {}, argv: ['node', '/var/task/index.js'], execArgv: [], pid: 1, platform: 'linux', arch: 'x64', exitCode: undefined,
  version: 'v22.12.0', versions: { node: '22.12.0' }, release: { name: 'node' },
  cwd: () => '/var/task', uptime: () => (Date.now() - started) / 1000, umask: () => 0o22,
  nextTick: (action, ...args) => enqueue(() => action(...args)),
  hrtime: Object.assign((since = [0, 0]) => {
    const now = nanoseconds() - BigInt(since[0]) * 1_000_000_000n - BigInt(since[1]);
    return [Number(now / 1_000_000_000n), Number(now % 1_000_000_000n)];
  }, { bigint: nanoseconds }),
  memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
  emitWarning: (text) => console.warn(text),
  exit: (code = 0) => { throw Object.assign(new Error(`Runtime exited with error: exit status ${code}`), { name: 'Runtime.ExitError' }); },
  stdout: { write: (text) => { console.log(String(text).replace(/\n$/, '')); return true; } },
  stderr: { write: (text) => { console.error(String(text).replace(/\n$/, '')); return true; } },
};
for (const name of ['on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners']) process[name] = () => process;

const copy = (value, seen = new Map()) => {
  if (typeof value === 'function' || typeof value === 'symbol') throw new DOMException('It could not be cloned.', 'DataCloneError');
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  if (value instanceof Date) return new Date(value);
  if (value instanceof RegExp) return new RegExp(value);
  const made = Array.isArray(value) ? [] : value instanceof Map ? new Map() : value instanceof Set ? new Set() : ArrayBuffer.isView(value) ? value.slice() : {};
  seen.set(value, made);
  if (value instanceof Map) for (const [key, held] of value) made.set(copy(key, seen), copy(held, seen));
  else if (value instanceof Set) for (const held of value) made.add(copy(held, seen));
  else if (!ArrayBuffer.isView(value)) for (const key of Object.keys(value)) made[key] = copy(value[key], seen);
  return made;
};
Object.assign(globalThis, { process, global: globalThis, structuredClone: (value) => copy(value) });

/** What can only be known at run time: this module is part of a memory image that was made at build time. */
export function awake() {
  Object.assign(process.env, Object.fromEntries(environment()), {
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x', LAMBDA_TASK_ROOT: '/var/task', NODE_PATH: '/var/task/node_modules',
  });
  // The engine seeds its random numbers when it starts, so every environment would draw the same ones.
  let [a, b, c, d] = new Uint32Array(new Uint8Array(random(16)).buffer);
  Math.random = () => {
    // sfc32, of PractRand.
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}
export default process;
