// Runs when the edge is about to ask the origin: on a miss, not on a cache hit. What stands outside of the handler runs
// once and stays for the next call.
const HEALTHY = {
  status: '200',
  statusDescription: 'OK',
  headers: {
    'content-type': [{ key: 'Content-Type', value: 'text/plain' }],
    'cache-control': [{ key: 'Cache-Control', value: 'no-store' }],
  },
  body: 'ok\n',
};

export const handler = async (event) => {
  const { request } = event.Records[0].cf;
  // A response in place of the request: the origin is not asked, and the response is stored as the origin's would be.
  if (request.uri === '/healthz') return HEALTHY;
  // Many origins give no index of a folder. What the cache is asked for stays the folder's own address.
  if (request.uri.endsWith('/')) {
    request.headers['x-original-uri'] = [{ key: 'X-Original-Uri', value: request.uri }];
    request.uri += 'index.html';
    console.log(`asking for ${request.uri}`);
  }
  return request;
};
