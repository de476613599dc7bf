// Changes what the origin gets: a form gains a field, JSON loses one, bytes of another kind are turned around.
'use strict';

const TYPES = {
  'application/x-www-form-urlencoded': (body) => text(`${body}&via=edge`),
  'application/json': (body) => {
    const { password, ...kept } = JSON.parse(body);
    return text(JSON.stringify(kept));
  },
  'application/octet-stream': (body) => ({ encoding: 'base64', data: Buffer.from(body).reverse().toString('base64') }),
};

function text(data) { return { encoding: 'text', data }; }

exports.handler = (event, context, callback) => {
  const { request } = event.Records[0].cf;
  const type = request.headers['content-type']?.[0].value.split(';')[0];
  const change = TYPES[type];
  if (change && !request.body.inputTruncated) {
    const changed = change(Buffer.from(request.body.data, 'base64'));
    request.body = { ...request.body, action: 'replace', ...changed };
  }
  callback(null, request);
};
