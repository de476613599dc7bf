// Node.js's `querystring`.

export function unescape(text) {
  try { return decodeURIComponent(text); } catch { return globalThis.Buffer.from(text.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString(); }
}
export function escape(text) {
  return encodeURIComponent(typeof text === 'object' ? String(text) : text);
}
function primitive(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : '';
}

export function parse(text, separator = '&', equals = '=', options = {}) {
  const found = Object.create(null);
  if (typeof text !== 'string' || text === '') return found;
  const decode = options.decodeURIComponent ?? unescape;
  const most = options.maxKeys ?? 1000;
  let pieces = text.split(separator);
  if (most > 0) pieces = pieces.slice(0, most);
  for (const piece of pieces) {
    if (piece === '') continue;
    const at = piece.indexOf(equals);
    const read = (part) => decode(part.replaceAll('+', ' '));
    const name = read(at < 0 ? piece : piece.slice(0, at));
    const value = at < 0 ? '' : read(piece.slice(at + equals.length));
    if (!(name in found)) found[name] = value;
    else if (Array.isArray(found[name])) found[name].push(value);
    else found[name] = [found[name], value];
  }
  return found;
}

export function stringify(object, separator = '&', equals = '=', options = {}) {
  if (object === null || typeof object !== 'object') return '';
  const encode = options.encodeURIComponent ?? escape;
  const pairs = Object.keys(object).flatMap((name) => {
    const values = Array.isArray(object[name]) ? object[name] : [object[name]];
    return values.map((value) => encode(name) + equals + encode(primitive(value)));
  });
  return pairs.join(separator);
}
export const decode = parse, encode = stringify;
export default { parse, stringify, escape, unescape, decode, encode };
