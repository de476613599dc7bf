// Who has no session goes to the sign-in page and comes back.
const sessions = (headers) => (headers.cookie || []).flatMap((line) => line.value.split(/; */));

exports.handler = async ({ Records: [{ cf: { request } }] }) => {
  if (sessions(request.headers).some((pair) => pair.startsWith('session-id='))) return request;
  const here = request.uri + (request.querystring && `?${request.querystring}`);
  const location = `https://login.example/?back=${encodeURIComponent(here)}`;
  return { status: '302', statusDescription: 'Found', headers: { location: [{ key: 'Location', value: location }] } };
};
