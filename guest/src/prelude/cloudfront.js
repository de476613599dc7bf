// The `cloudfront` module apart from key-value stores: the origin helpers, the edge's location, CBOR Web Tokens.
// Runs once, after prelude.js; `host` is written in Rust (cloudfront.rs). Adds to the module's object.
(function (cloudfront, host, Buffer) {
  'use strict';
  const stringify = JSON.stringify;
  const wrap = (bytes) => Buffer.from(bytes);
  const unavailable = (what, why) => function () { throw new TypeError(`${what} is not available: ${why}`); };

  // The arguments are noted as JSON; the edge checks them and acts when the function has returned the request.
  const helpers = ['updateRequestOrigin', 'selectRequestOriginById', 'createRequestOriginGroup'];
  for (const name of helpers) {
    cloudfront[name] = { [name](...given) { host.change(name, stringify(given)); } }[name];
  }

  cloudfront.cwt = {
    validateToken(token, context) {
      if (!(token instanceof Uint8Array)) throw new TypeError('cwt.validateToken: the token must be a Buffer');
      return host.validateToken(token, context === undefined ? {} : context, wrap);
    },
    // CloudFront's documentation shows both orders; what has `coseTag` is the context.
    generateToken(first, second) {
      const isContext = (value) => value !== null && typeof value === 'object' && 'coseTag' in value;
      return wrap(isContext(first) ? host.generateToken(first, second) : host.generateToken(second, first));
    },
  };

  const noClient = 'viewers do not present client certificates to this edge';
  cloudfront.mtls = {};
  for (const name of ['renameClientCertHeaders', 'renamePemHeaders', 'combinePemHeaders']) {
    cloudfront.mtls[name] = unavailable('cf.mtls.' + name, noClient);
  }

  Object.defineProperty(cloudfront, 'edgeLocation', {
    get() { return host.edgeLocation(); }, enumerable: true, configurable: true,
  });
  // Not enumerable: looking at the module as a whole must not throw.
  Object.defineProperty(cloudfront, 'distributionTenant', {
    get() { throw new TypeError('distributionTenant module is not available'); }, configurable: true,
  });
})
