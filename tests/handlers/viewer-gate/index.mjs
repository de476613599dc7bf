import { createHmac, timingSafeEqual } from 'node:crypto';
import { parse } from 'node:querystring';

const signed = (user) => `${user}.${createHmac('sha256', process.env.KEY).update(user).digest('hex')}`;

const userOf = (headers) => {
  for (const { value } of headers.cookie ?? []) {
    const token = value.split(/; */).find((pair) => pair.startsWith('token='))?.slice(6) ?? '';
    const user = token.split('.')[0];
    const [given, wanted] = [Buffer.from(token), Buffer.from(signed(user))];
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return user;
  }
  return null;
};

const answer = (status, headers) => ({
  status,
  headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), [{ key, value }]])),
});

const gate = (request) => {
  if (request.uri === '/sign-in' && request.method === 'POST') {
    if (request.body.inputTruncated) return answer('413', {});
    const { user, password } = parse(Buffer.from(request.body.data, 'base64').toString());
    return password === process.env.PASSWORD
      ? answer('303', { Location: '/', 'Set-Cookie': `token=${signed(user)}; Secure; HttpOnly` })
      : answer('403', {});
  }
  const user = userOf(request.headers);
  if (!user) return answer('302', { Location: '/sign-in' });
  request.headers['x-user'] = [{ key: 'X-User', value: user }];
  return request;
};

export const handler = async ({ Records: [{ cf: { config, request, response } }] }) => {
  if (config.eventType === 'viewer-request') return gate(request);
  response.headers['cache-control'] = [{ key: 'Cache-Control', value: 'private' }];
  return response;
};
