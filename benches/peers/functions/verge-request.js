// The same work as in every other file of this folder: the version leaves the path, campaign parameters leave the
// query string, the others come in order, and the origin gets a header.
const versioned = /^\/fn\/v\d+\/(obj|nc)\/([a-z0-9]+)$/;

function handler(event) {
  const request = event.request;
  request.uri = request.uri.replace(versioned, '/$1/$2');
  const kept = {};
  for (const name of Object.keys(request.querystring).sort()) {
    if (!name.startsWith('utm_')) kept[name] = request.querystring[name];
  }
  request.querystring = kept;
  request.headers['x-rewritten'] = { value: '1' };
  return request;
}
