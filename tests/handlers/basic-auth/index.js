const { timingSafeEqual, createHash } = require('crypto');

const digest = (text) => createHash('sha256').update(text).digest();
const expected = digest(`Basic ${Buffer.from('user:pässword').toString('base64')}`);

exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  if (timingSafeEqual(digest(request.headers.authorization?.[0].value ?? ''), expected)) {
    delete request.headers.authorization;
    return request;
  }
  return {
    status: '401', statusDescription: 'Unauthorized', body: 'who are you?',
    headers: { 'www-authenticate': [{ key: 'WWW-Authenticate', value: 'Basic' }] },
  };
};
