// Requests of the handler's own, through the host. Each has a callback that the loop in timers.js calls when it is over.
import { cancel, start, take, wait } from 'verge:edge/fetch@0.1.0';

const CODES = {
  denied: 'EACCES', invalid: 'ERR_INVALID_ARG_VALUE', 'not-found': 'ENOTFOUND', refused: 'ECONNREFUSED', certificate: 'ERR_TLS_CERTIFICATE',
  timeout: 'ETIMEDOUT', 'too-large': 'ERR_OUT_OF_RANGE', broken: 'ECONNRESET',
};
const underWay = new Map();

/** Sends a request; gives its number. `over` gets an error or the answer. */
export function send({ method, url, headers, body }, over) {
  const number = start({ method, url, headers, body, timeout: undefined });
  underWay.set(number, over);
  return number;
}

/** Nothing is wanted of that request any more. */
export function drop(number) {
  if (underWay.delete(number)) cancel(number);
}

/** Whether a request is under way. */
export const areUnderWay = () => underWay.size > 0;

/** The host ended them with the call that made them. */
export const forget = () => underWay.clear();

/** Waits for one of the requests, for so many milliseconds at most, and tells it; false when time ran out. */
export function settleOne(milliseconds) {
  const number = wait(new Uint32Array(underWay.keys()), milliseconds);
  if (number === undefined || number === null) return false;
  const over = underWay.get(number);
  underWay.delete(number);
  let answer;
  try { answer = take(number); } catch (failure) {
    over(errorOf(failure.payload ?? failure));
    return true;
  }
  over(null, answer);
  return true;
}

function errorOf({ kind, message }) {
  const remedy = kind === 'denied' ? '; `egress` of the function does not list it' : '';
  return Object.assign(new Error(`${message}${remedy}`), { code: CODES[kind] ?? 'ECONNRESET' });
}
