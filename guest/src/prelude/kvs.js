// cf.kvs(): handles that ask the host for what the call's key-value store holds. Runs once, before the memory image is
// taken; gives a function that makes `kvs`. `natives` is written in Rust (kv.rs).
(function (natives) {
  'use strict';
  const { parse } = JSON;
  const Day = Date;
  // A function is loaded once and called often. What its top level asks waits here for the call, so that it gets the
  // content of the call's time.
  let begin;
  const begun = new Promise((resolve) => { begin = resolve; });
  natives.atBegin(begin);

  const notFound = (key) => {
    const error = new Error(`KeyNotFound: the key-value store has no key '${key}'`);
    Object.defineProperty(error, 'name', { value: 'KeyNotFound', writable: true, configurable: true });
    return error;
  };
  const formatOf = (options) => {
    const format = options === undefined || options === null ? undefined : options.format;
    if (format === undefined) return 'string';
    if (format === 'string' || format === 'json' || format === 'bytes') return format;
    throw new TypeError(`unknown format '${String(format)}'; there are string, json and bytes`);
  };
  const parsed = (key, text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new SyntaxError(`the value of the key '${key}' is not JSON: ${error.message}`);
    }
  };

  return (Buffer) => {
    class KeyValueStore {
      #id;
      constructor(id) { this.#id = id; }
      async get(key, options) {
        const id = this.#id;
        const name = `${key}`;
        const format = formatOf(options);
        if (!natives.hasBegun()) await begun;
        const value = format === 'bytes' ? natives.bytes(id, name) : natives.text(id, name);
        if (value === undefined) throw notFound(name);
        if (format === 'string') return value;
        return format === 'json' ? parsed(name, value) : Buffer.from(value);
      }
      async exists(key) {
        const id = this.#id;
        const name = `${key}`;
        if (!natives.hasBegun()) await begun;
        return natives.exists(id, name);
      }
      async meta() {
        const id = this.#id;
        if (!natives.hasBegun()) await begun;
        const [created, updated, keyCount] = natives.meta(id);
        return {
          creationDateTime: new Day(created).toISOString(),
          lastUpdatedDateTime: new Day(updated).toISOString(),
          keyCount,
        };
      }
      async count() {
        const id = this.#id;
        if (!natives.hasBegun()) await begun;
        return natives.meta(id)[2];
      }
    }
    // Without an id: the one store that is associated with the function.
    return (id) => new KeyValueStore(id === undefined || id === null ? '' : `${id}`);
  };
})
