'use strict';
const url = require('url');
const util = require('util');

exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  const agent = (request.headers['x-original-agent'] || [{ value: '' }])[0].value;
  if (/googlebot|bingbot/i.test(agent)) {
    const host = request.headers.host[0].value;
    const page = new URL(url.format({ protocol: 'https', host, pathname: request.uri, search: request.querystring }));
    page.searchParams.delete('debug');
    request.uri = `/render/${encodeURIComponent(page.href)}`;
    request.querystring = '';
    request.origin = { custom: {
      domainName: 'prerender.example', port: 443, protocol: 'https', path: '', readTimeout: 20, keepaliveTimeout: 5,
      customHeaders: {}, sslProtocols: ['TLSv1.2'],
    } };
  }
  console.log(util.inspect({ agent, uri: request.uri }, { depth: null }));
  return request;
};
