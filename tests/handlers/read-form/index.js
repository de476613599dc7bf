// Reads a form that was sent: an order without a quantity is answered here, the others go on with a header of their own.
const { parse } = require('querystring');

const redirect = (value) => ({ status: '303', statusDescription: 'See Other', headers: { location: [{ key: 'Location', value }] } });

exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  if (request.method !== 'POST') return request;
  const { body } = request;
  if (body.inputTruncated) return { status: '413', statusDescription: 'Content Too Large' };
  const form = parse(Buffer.from(body.data, 'base64').toString());
  for (const [name, value] of Object.entries(form)) console.log('%s: %s', name, value);
  if (!(Number(form.quantity) > 0)) return redirect('/order?missing=quantity');
  request.headers['x-item'] = [{ key: 'X-Item', value: encodeURIComponent(form.item ?? '') }];
  return request;
};
