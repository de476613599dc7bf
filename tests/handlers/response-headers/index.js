const add = (headers, name, value) => { headers[name.toLowerCase()] = [{ key: name, value }]; };

exports.handler = (event, context, callback) => {
  const { response: { headers }, response } = event.Records[0].cf;
  add(headers, 'Strict-Transport-Security', 'max-age=63072000; includeSubdomains; preload');
  add(headers, 'X-Content-Type-Options', 'nosniff');
  const kept = headers['x-amz-meta-last-modified'];
  if (kept) add(headers, 'Last-Modified', kept[0].value);
  callback(null, response);
};
