const path = require('path');

exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  if (request.uri.endsWith('/')) request.uri += 'index.html';
  else if (!path.extname(request.uri)) {
    return { status: '301', statusDescription: 'Moved Permanently', headers: { location: [{ value: `${request.uri}/` }] } };
  }
  return request;
};
