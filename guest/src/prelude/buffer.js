// CloudFront's Buffer: what its engine, a relative of njs, has of Node's (spec: CloudFront Functions section 7.3).
// Gives `Buffer`, and `bytesOf` for the prelude. `natives` is written in Rust (natives.rs).
(function (natives) {
  'use strict';
  const hide = (target, name, value) =>
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  const ENCODINGS = ['utf8', 'utf-8', 'hex', 'base64', 'base64url'];
  const encodingOf = (name) => {
    if (name === undefined) return 'utf8';
    if (typeof name !== 'string') throw new TypeError('encoding must be a string');
    if (!ENCODINGS.includes(name)) throw new TypeError(`"${name}" encoding is not supported`);
    return name;
  };
  const decode = (text, encoding) => natives.decode(text, encodingOf(encoding));
  const bytesOf = (data, encoding) => {
    if (typeof data === 'string') return new Uint8Array(decode(data, encoding));
    if (data instanceof Uint8Array) return data;
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw new TypeError('a string, a Buffer or a typed array is needed here');
  };
  const index = (value) => {
    const whole = Math.trunc(Number(value)) || 0;
    if (whole < 0 || whole > Number.MAX_SAFE_INTEGER) throw new RangeError('invalid index');
    return whole;
  };
  const indexOr = (value, otherwise) => (value === undefined ? otherwise : index(value));
  const sizeOf = (size) => {
    if (typeof size !== 'number') throw new TypeError('"size" argument must be of type number');
    if (size !== size) throw new RangeError('invalid index');
    return index(size);
  };
  const needBytes = (value, name) => {
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`"${name}" argument must be an instance of Buffer or Uint8Array`);
    }
    return value;
  };
  const checkEnd = (value, most, name) => {
    if (value > most) throw new RangeError(`"${name}" is out of range: ${value}`);
    return value;
  };

  // What a Buffer is made with; functions only see `Buffer`, which is no constructor there either.
  class Bytes extends Uint8Array {
    compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
      needBytes(target, 'target');
      const from = index(targetStart);
      const to = checkEnd(indexOr(targetEnd, target.length), target.length, 'targetEnd');
      const start = index(sourceStart);
      const end = checkEnd(indexOr(sourceEnd, this.length), this.length, 'sourceEnd');
      const [mine, other] = [Math.max(end - start, 0), Math.max(to - from, 0)];
      for (let i = 0; i < mine && i < other; i++) {
        if (this[start + i] !== target[from + i]) return this[start + i] < target[from + i] ? -1 : 1;
      }
      return Math.sign(mine - other);
    }
    equals(target) { return this.compare(target) === 0; }
    copy(target, targetStart, sourceStart, sourceEnd) {
      needBytes(target, 'target');
      const at = index(targetStart);
      const start = checkEnd(index(sourceStart), this.length, 'sourceStart');
      const end = Math.min(indexOr(sourceEnd, this.length), this.length);
      const count = Math.min(end - start, target.length - at);
      if (count <= 0) return 0;
      target.set(part(this, start, start + count), at);
      return count;
    }
    fill(value, start, end, encoding) {
      let pattern = value;
      if (typeof value === 'string') {
        if (typeof start === 'string') [encoding, start, end] = [start];
        else if (typeof end === 'string') [encoding, end] = [end];
        pattern = bytesOf(value, encoding);
      } else if (ArrayBuffer.isView(value)) {
        pattern = bytesOf(value);
        if (pattern.length === 0) throw new TypeError('there is nothing to fill with');
      }
      const from = index(start);
      const stop = indexOr(end, this.length);
      if (from > this.length) throw new RangeError('"offset" is out of range');
      if (stop > this.length) throw new RangeError('"end" is out of range');
      if (!ArrayBuffer.isView(pattern)) return super.fill(Number(pattern) & 255, from, stop);
      for (let i = from, j = 0; i < stop; i++, j++) this[i] = pattern.length ? pattern[j % pattern.length] : 0;
      return this;
    }
    indexOf(value, from, encoding) { return search(this, value, from, encoding, true); }
    lastIndexOf(value, from, encoding) { return search(this, value, from, encoding, false); }
    includes(value, from, encoding) { return this.indexOf(value, from, encoding) !== -1; }
    // A view, as in Node; but CloudFront documents subarray as a copy.
    slice(start, end) { return super.subarray(start, end); }
    subarray(start, end) { return super.slice(start, end); }
    toString(encoding, start, end) {
      const name = encodingOf(encoding);
      if (start === undefined && end === undefined) return natives.encode(this, name);
      return natives.encode(part(this, index(start), indexOr(end, this.length)), name);
    }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    write(text, at, length, encoding) {
      if (typeof text !== 'string') throw new TypeError('first argument must be a string');
      if (typeof at === 'string') [encoding, at, length] = [at];
      else if (typeof length === 'string') [encoding, length] = [length];
      const bytes = bytesOf(text, encoding);
      const start = checkEnd(index(at), this.length, 'offset');
      const count = Math.min(indexOr(length, Infinity), bytes.length, this.length - start);
      this.set(part(bytes, 0, count), start);
      return count;
    }
  }
  const part = (bytes, start, end) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length).subarray(start, Math.max(start, end));

  const search = (bytes, value, from, encoding, forward) => {
    if (typeof from === 'string') [encoding, from] = [from];
    let wanted;
    if (typeof value === 'number') wanted = [value & 255];
    else if (typeof value === 'string' || value instanceof Uint8Array) wanted = bytesOf(value, encoding);
    else throw new TypeError('"value" argument must be a string, a number or a Buffer');
    const last = bytes.length - wanted.length;
    let at = Math.trunc(Number(from));
    if (at !== at) at = forward ? 0 : last;
    if (at < 0) at += bytes.length;
    if (at < 0 && !forward) return -1;
    at = forward ? Math.max(at, 0) : Math.min(at, last);
    if (wanted.length === 0) return Math.min(at, bytes.length);
    for (const step = forward ? 1 : -1; at >= 0 && at <= last; at += step) {
      let i = 0;
      while (i < wanted.length && bytes[at + i] === wanted[i]) i++;
      if (i === wanted.length) return at;
    }
    return -1;
  };

  const swap = (width) => function () {
    if (this.length % width) throw new RangeError('Buffer size must be a multiple of ' + width * 8 + ' bits');
    for (let i = 0; i < this.length; i += width) part(this, i, i + width).reverse();
    return this;
  };
  for (const width of [2, 4, 8]) hide(Bytes.prototype, 'swap' + width * 8, swap(width));

  const place = (buffer, at, width) => {
    const start = index(at);
    if (start + width > buffer.length) throw new RangeError(`index ${start} is outside the bound of the buffer`);
    return start;
  };
  const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const numbers = [['Int8', 1], ['UInt8', 1], ['Int16', 2], ['UInt16', 2], ['Int32', 4], ['UInt32', 4],
    ['Float', 4], ['Double', 8]];
  for (const [name, width] of numbers) {
    const kind = { Float: 'Float32', Double: 'Float64' }[name] || name.replace('UInt', 'Uint');
    for (const order of width === 1 ? [''] : ['LE', 'BE']) {
      hide(Bytes.prototype, 'read' + name + order, function (at) {
        return view(this)['get' + kind](place(this, at, width), order === 'LE');
      });
      hide(Bytes.prototype, 'write' + name + order, function (value, at) {
        const start = place(this, at, width);
        view(this)['set' + kind](start, value, order === 'LE');
        return start + width;
      });
    }
  }
  const widthOf = (width) => {
    if (typeof width !== 'number') throw new TypeError('"byteLength" is not a number');
    if (width > 6) throw new TypeError('"byteLength" must be <= 6');
    if (!(width >= 1)) throw new RangeError('"byteLength" must be >= 1');
    return Math.trunc(width);
  };
  for (const order of ['LE', 'BE']) {
    const digit = (i, width) => (order === 'LE' ? i : width - 1 - i);
    const read = (signed) => function (at, length) {
      const width = widthOf(length);
      const start = place(this, at, width);
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + this[start + digit(i, width)];
      return signed && value >= 2 ** (8 * width - 1) ? value - 2 ** (8 * width) : value;
    };
    const write = function (given, at, length) {
      const width = widthOf(length);
      const start = place(this, at, width);
      let value = Math.trunc(Number(given)) || 0;
      for (let i = 0; i < width; i++, value = Math.floor(value / 256)) {
        this[start + digit(i, width)] = ((value % 256) + 256) % 256;
      }
      return start + width;
    };
    for (const sign of ['Int', 'UInt']) {
      hide(Bytes.prototype, 'read' + sign + order, read(sign === 'Int'));
      hide(Bytes.prototype, 'write' + sign + order, write);
    }
  }

  const unusable = (data) =>
    new TypeError(`first argument ${typeof data} is not a string or Buffer-like object`);
  const fromObject = (data, encoding) => {
    if (data.type === 'Buffer' && Array.isArray(data.data)) data = data.data;
    if (data.length !== undefined && typeof data !== 'function' && !(data instanceof String)) {
      const copy = new Bytes(typeof data.length === 'number' ? index(data.length) : 0);
      for (let i = 0; i < copy.length; i++) copy[i] = data[i];
      return copy;
    }
    const toPrimitive = data[Symbol.toPrimitive];
    const plain = typeof toPrimitive === 'function' ? toPrimitive.call(data, 'string') : data.valueOf();
    if (typeof plain === 'string') return Buffer.from(plain, encoding);
    throw unusable(data);
  };

  function Buffer() { throw new TypeError('Buffer is not a constructor'); }
  const statics = {
    from(data, encodingOrOffset, length) {
      if (typeof data === 'string') return new Bytes(decode(data, encodingOrOffset));
      if (data === null || typeof data !== 'object') throw unusable(data);
      if (!(data instanceof ArrayBuffer)) return fromObject(data, encodingOrOffset);
      return new Bytes(data, index(encodingOrOffset), length === undefined ? undefined : index(length));
    },
    alloc(size, fill, encoding) {
      const buffer = new Bytes(sizeOf(size));
      return fill === undefined ? buffer : buffer.fill(fill, encoding);
    },
    allocUnsafe: (size) => new Bytes(sizeOf(size)),
    byteLength: (data, encoding) => bytesOf(data, encoding).byteLength,
    compare(source, target) {
      needBytes(target, 'target');
      return Bytes.prototype.compare.call(needBytes(source, 'source'), target);
    },
    concat(list, total) {
      if (!Array.isArray(list)) throw new TypeError('"list" argument must be an instance of Array');
      list.forEach((item, i) => needBytes(item, `list[${i}]`));
      const joined = new Bytes(indexOr(total, list.reduce((sum, item) => sum + item.length, 0)));
      let at = 0;
      for (const item of list) {
        if (at >= joined.length) break;
        joined.set(part(item, 0, joined.length - at), at);
        at += item.length;
      }
      return joined;
    },
    isBuffer: (value) => value instanceof Bytes,
    isEncoding: (name) => ENCODINGS.includes(name),
  };
  for (const name of Object.keys(statics)) hide(Buffer, name, statics[name]);
  Object.defineProperty(Buffer, 'prototype', { value: Bytes.prototype, writable: false });
  Object.defineProperty(Buffer, Symbol.species, { get: () => Bytes });
  hide(Bytes.prototype, 'constructor', Buffer);
  return { Buffer, bytesOf, make: (buffer) => new Bytes(buffer) };
})
