// Calls a Lambda handler: `(event, context, callback)`, with a promise or the callback for its result.
import { current, remainingTimeInMillis } from 'verge:edge/context@0.1.0';
import { takeUnhandled } from './promise.js';
import { runUntil } from './timers.js';
import './util.js';
import { setRequestId } from './console.js';
import './buffer.js';
import './url.js';
import './fetch.js';
import { forget } from './exchanges.js';
import './crypto.js';
import { awake } from './process.js';

let handler;

/** Runs the module's top level, once for each environment, as Lambda's init phase does. */
function init(load, name) {
  awake();
  const found = load()?.[name] ?? load()?.default?.[name];
  if (typeof found !== 'function') {
    throw Object.assign(new Error(`index.${name} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' });
  }
  drainTopLevel();
  handler = found;
}

function drainTopLevel() { runUntil(() => true); }

function contextOf(settle) {
  const { memoryLimitInMb, ...told } = current();
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: told.functionVersion, functionName: told.functionName, memoryLimitInMB: String(memoryLimitInMb),
    logGroupName: told.logGroupName, logStreamName: told.logStreamName, clientContext: undefined, identity: undefined,
    invokedFunctionArn: told.invokedFunctionArn, awsRequestId: told.awsRequestId,
    getRemainingTimeInMillis: () => Number(remainingTimeInMillis()),
    done: (error, value) => settle(error, value), fail: (error) => settle(error ?? new Error('handled')),
    succeed: (value) => settle(null, value),
  };
}

/** What Lambda answers for an error, and its line in the log. */
function failure(error) {
  const isError = error instanceof Error;
  const errorType = isError ? error.name : typeof error;
  const errorMessage = isError ? error.message : typeof error === 'string' ? error : JSON.stringify(error);
  const stack = isError ? [`${errorType}: ${errorMessage}`, ...String(error.stack ?? '').trimEnd().split('\n')] : [];
  console.error('Invoke Error', JSON.stringify({ errorType, errorMessage, stack }));
  return new Error(errorType === 'string' ? errorMessage : `${errorType}: ${errorMessage}`);
}

/** One call; the module is loaded by the first one. */
export function run(text, load, name) {
  setRequestId(current().awsRequestId);
  forget();
  let outcome;
  const settle = (error, value, byCallback = true) => { outcome ??= { error, value, failed: error !== null && error !== undefined, byCallback }; };
  try {
    if (!handler) init(load, name);
    const context = contextOf(settle);
    const returned = handler(JSON.parse(text), context, settle);
    if (typeof returned?.then === 'function') {
      returned.then((value) => settle(null, value, false), (error) => settle(error ?? new Error('rejected without a reason'), undefined, false));
    }
    runUntil((idle) => outcome && (idle || !outcome.byCallback || outcome.failed || !context.callbackWaitsForEmptyEventLoop));
  } catch (error) {
    settle(error ?? new Error('thrown without a reason'), undefined, false);
  }
  const [lost] = takeUnhandled();
  if (lost !== undefined && !outcome?.failed) outcome = { error: lost, failed: true };
  if (outcome?.failed) throw failure(outcome.error);
  return JSON.stringify(outcome?.value) ?? 'null';
}
