// From the configured origin to a bucket, as a request asks for it.
const querystring = require('node:querystring');

exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  if (querystring.parse(request.querystring).bucket === 'yes') {
    const domainName = 'archive.s3.eu-west-1.amazonaws.com';
    request.origin = { s3: { domainName, region: '', authMethod: 'none', path: '/2024', customHeaders: {} } };
    request.headers.host = [{ key: 'Host', value: domainName }];
  }
  return request;
};
