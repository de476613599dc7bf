// `console`, with lines as Lambda's Node.js runtime writes them.
import { write } from 'verge:edge/log@0.1.0';
import { format, inspect } from './util.js';

let requestId = '';
/** Says which call the lines belong to. */
export function setRequestId(id) { requestId = id; }

function line(level, args) {
  // One event is one line in Lambda's log; line ends inside of it stay.
  write(`${new Date().toISOString()}\t${requestId || 'undefined'}\t${level}\t${format(...args)}`);
}

const counts = new Map();
const began = new Map();
const console = {
  log: (...args) => line('INFO', args),
  info: (...args) => line('INFO', args),
  debug: (...args) => line('DEBUG', args),
  warn: (...args) => line('WARN', args),
  error: (...args) => line('ERROR', args),
  trace: (...args) => line('TRACE', [...args, new Error().stack]),
  dir: (value, options) => line('INFO', [inspect(value, options)]),
  table: (value) => line('INFO', [value]),
  assert: (truth, ...args) => { if (!truth) line('ERROR', ['Assertion failed:', ...args]); },
  count: (label = 'default') => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    line('INFO', [`${label}: ${counts.get(label)}`]);
  },
  countReset: (label = 'default') => { counts.delete(label); },
  time: (label = 'default') => { began.set(label, Date.now()); },
  timeEnd: (label = 'default') => {
    if (began.has(label)) line('INFO', [`${label}: ${Date.now() - began.get(label)}ms`]);
    began.delete(label);
  },
  timeLog: (label = 'default', ...args) => {
    if (began.has(label)) line('INFO', [`${label}: ${Date.now() - began.get(label)}ms`, ...args]);
  },
  group: (...args) => { if (args.length) line('INFO', args); },
  groupEnd: () => {},
};
globalThis.console = console;
