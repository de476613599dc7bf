const KINDS = ['desktop', 'mobile', 'tablet', 'smarttv'];

exports.handler = (event, context, callback) => {
  const request = event.Records[0].cf.request;
  const is = (kind) => (request.headers[`cloudfront-is-${kind}-viewer`] || [{}])[0].value === 'true';
  const kind = KINDS.find(is);
  if (kind) request.uri = `/${kind}${request.uri}`;
  callback(null, request);
};
