// Runs when the origin answered, before the answer is stored: also for errors, not on a cache hit.
const NOT_FOUND = '<!doctype html>\n<title>Not found</title>\n<p>There is nothing here.\n';

export const handler = async (event) => {
  const { request, response } = event.Records[0].cf;
  response.headers['strict-transport-security'] = [{ key: 'Strict-Transport-Security', value: 'max-age=31536000' }];
  // The origin's body is not shown, but can be replaced. Its length is then another one.
  if (response.status === '404') {
    response.headers['content-type'] = [{ key: 'Content-Type', value: 'text/html; charset=utf-8' }];
    delete response.headers['content-length'];
    response.body = NOT_FOUND;
    console.log(`not found: ${request.uri}`);
  }
  return response;
};
