// Hostile viewer functions. Each begins with a line `//# NAME`; the text up to the next is the body of its handler, in
// which `e` is the event. None of them may be answered with anything but 502 or 503.

//# loop-empty
for (;;) {}
//# loop-while
var n = 0; while (true) { n += 1; }
//# loop-do
do { var a = 1; } while (a);
//# loop-labelled
outer: for (;;) { for (;;) { continue outer; } }
//# loop-in-catch
for (;;) { try { throw 1; } catch (x) {} }
//# loop-in-finally
try { return e.request; } finally { for (;;) {} }
//# loop-getter
var o = {}; Object.defineProperty(o, 'x', { get: function () { return o.x; } }); return o.x;
//# recursion
function f() { return f() + 1; } return f();
//# recursion-mutual
function f() { return g(); } function g() { return f() + 1; } return f();
//# recursion-constructor
function F() { this.x = new F(); } return new F();
//# recursion-to-string
var o = { toString: function () { return '' + o; } }; return '' + o;
//# recursion-to-json
var o = { toJSON: function () { return JSON.stringify(o); } }; return JSON.stringify(o);
//# recursion-array-join
var a = []; for (var i = 0; i < 100000; i++) { a = [a]; } return a.join();
//# recursion-json-nesting
var o = {}; for (var i = 0; i < 100000; i++) { o = { o: o }; } return JSON.stringify(o);
//# recursion-json-parse
return JSON.parse('['.repeat(100000));
//# recursion-sort
var a = [1, 2]; function s() { a.slice().sort(s); return 0; } a.sort(s);
//# recursion-replace
function r() { return 'a'.replace('a', r); } return r();
//# recursion-bind
var f = function () {}; for (var i = 0; i < 100000; i++) { f = f.bind(null); } return f();
//# recursion-prototype
var o = {}; for (var i = 0; i < 1000000; i++) { o = Object.create(o); } return o.missing;
//# memory-string-doubling
var s = 'x'; for (;;) { s += s; }
//# memory-string-repeat
return 'x'.repeat(536870911);
//# memory-pad-start
return 'x'.padStart(536870911, 'abc');
//# memory-pad-end
return 'x'.padEnd(536870911, 'abc');
//# memory-array-push
var a = []; for (;;) { a.push('filler of some length'); }
//# memory-array-length
var a = new Array(4294967295); a.fill(0); return a;
//# memory-array-fill
return new Array(100000000).fill(7);
//# memory-array-concat
var a = [1]; for (;;) { a = a.concat(a); }
//# memory-array-buffer
return new ArrayBuffer(2147483647);
//# memory-typed-array
return new Uint8Array(4294967296);
//# memory-buffers
var a = []; for (;;) { a.push(new Uint8Array(65536)); }
//# memory-objects
var o = {}; for (var i = 0; ; i++) { o['k' + i] = { v: i }; }
//# memory-closures
var f = function () {}; for (;;) { f = (function (g) { return function () { return g; }; })(f); }
//# memory-replace-all
return 'a'.repeat(100000).replaceAll('a', 'a'.repeat(100000));
//# memory-split
return 'a'.repeat(10000000).split('');
//# memory-join
return new Array(10000000).join('xxxxxxxxxx');
//# memory-escape
return encodeURIComponent('\u20ac'.repeat(5000000));
//# memory-from-char-code
var s = ''; for (;;) { s += String.fromCharCode(65, 66, 67); }
//# memory-json
var a = []; for (var i = 0; i < 20; i++) { a = [a, a]; } return JSON.stringify(a);
//# memory-console
for (;;) { console.log('x'.repeat(1000)); }
//# regex-nested
return /^(a+)+$/.test('a'.repeat(40) + 'b');
//# regex-alternation
return /^(a|aa)+$/.test('a'.repeat(60) + 'b');
//# regex-overlap
return /(x+x+)+y/.test('x'.repeat(60));
//# regex-backreference
return /^(.*)\1*\1*\1*\1*$/.exec('ab'.repeat(2000));
//# regex-lookahead
return /^(?=(a+))a*b\1/.test('a'.repeat(20000));
//# regex-long
return /(a*)*b/.test('a'.repeat(100000));
//# regex-global-replace
return 'a'.repeat(5000000).replace(/a/g, 'bb');
//# regex-construct
for (var i = 0; ; i++) { new RegExp('(' + 'a?'.repeat(200) + ')' + i); }
//# builtin-array-like-join
return Array.prototype.join.call({ length: 9007199254740991 });
//# builtin-array-like-index-of
return Array.prototype.indexOf.call({ length: 9007199254740991 }, 1);
//# builtin-array-like-fill
return Array.prototype.fill.call({ length: 9007199254740991 }, 1);
//# builtin-array-like-reverse
return Array.prototype.reverse.call({ length: 9007199254740991 });
//# builtin-array-like-slice
return Array.prototype.slice.call({ length: 4294967295 });
//# builtin-array-like-splice
return Array.prototype.splice.call({ length: 9007199254740990 }, 0, 1);
//# builtin-array-like-sort
return Array.prototype.sort.call({ length: 4294967295 });
//# builtin-array-like-map
return Array.prototype.map.call({ length: 4294967295 }, function (x) { return x; });
//# builtin-array-like-includes
return Array.prototype.includes.call({ length: 9007199254740991 }, 1);
//# builtin-array-like-reduce
return Array.prototype.reduceRight.call({ length: 9007199254740991, 0: 1 }, function (a) { return a; });
//# builtin-array-from
return Array.from({ length: 4294967295 });
//# builtin-sort
var a = []; for (var i = 0; i < 200000; i++) { a.push((i * 7919) % 200003); } a.sort(); for (;;) { a.sort(); }
//# promise-chain
return new Promise(function () { function next() { return Promise.resolve().then(next); } next(); });
//# promise-thenable
return { then: function (resolve) { resolve(this); } };
//# promise-never
return new Promise(function () {});
//# result-nothing
return undefined;
//# result-null
return null;
//# result-number
return 42;
//# result-symbol
return Symbol('x');
//# result-function
return function () {};
//# result-array
return [e.request];
//# result-cyclic
e.request.headers['x-a'] = { value: 'a' }; e.request.headers['x-a'].value = e.request; return e.request;
//# result-getter-throws
return { get statusCode() { throw new Error('no'); } };
//# result-getter-loops
return { get statusCode() { for (;;) {} } };
//# result-proxy-like
return { statusCode: { valueOf: function () { return 200; } } };
//# result-status-word
return { statusCode: 'OK' };
//# result-status-range
return { statusCode: 7 };
//# result-body-object
return { statusCode: 200, body: { encoding: 'base64', data: '***' } };
//# result-header-upper
e.request.headers['X-Upper'] = { value: 'a' }; return e.request;
//# result-header-line-end
e.request.headers['x-a'] = { value: 'a\r\nx-b: c' }; return e.request;
//# result-header-name
e.request.headers['x a'] = { value: 'a' }; return e.request;
//# result-header-number
e.request.headers['x-a'] = { value: 1 }; return e.request;
//# result-header-read-only
e.request.headers['via'] = { value: 'me' }; return e.request;
//# result-header-disallowed
e.request.headers['x-edge-a'] = { value: 'me' }; return e.request;
//# result-uri-relative
e.request.uri = 'relative'; return e.request;
//# result-uri-long
e.request.uri = '/' + 'a'.repeat(9000); return e.request;
//# result-uri-object
e.request.uri = {}; return e.request;
//# result-query-space
e.request.querystring = 'a b'; return e.request;
//# throw-error
throw new Error('no');
//# throw-getter
throw { get message() { for (;;) {} } };
//# throw-undefined
throw undefined;
//# eval
return eval('e.request');
//# function-constructor
return new Function('return 1')();
