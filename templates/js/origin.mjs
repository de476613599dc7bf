// Answers in place of an origin, with the event of an Application Load Balancer. The edge stores the answer as it would
// an origin's.
const json = (statusCode, content, headers = {}) => ({
  statusCode,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(content),
});

export const handler = async (event) => {
  if (event.path !== '/hello') return json(404, { error: 'there is nothing here' });
  if (!['GET', 'HEAD'].includes(event.httpMethod)) return json(405, { error: 'use GET' }, { allow: 'GET, HEAD' });
  // Query strings arrive as they were sent, not decoded.
  const name = event.queryStringParameters.name ?? 'world';
  if (!/^[A-Za-z]{1,40}$/.test(name)) return json(400, { error: 'name must have 1 to 40 letters' });
  return json(200, { message: `Hello, ${name}!` }, { 'cache-control': 'max-age=60' });
};
