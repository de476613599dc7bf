import { createHmac } from 'node:crypto';
import qs from 'node:querystring';

class Gate {
  #secret;
  constructor(secret) { this.#secret = secret; }
  async allows(uri, { expires, signature } = {}) {
    const expected = createHmac('sha256', this.#secret).update(`${uri}|${expires}`).digest('base64url');
    await null;
    return Number(expires) > 1000 && expected === signature;
  }
}
const gate = new Gate('k');

export async function handler(event, context) {
  const { request } = event.Records[0].cf;
  if (context.getRemainingTimeInMillis() <= 0) throw new Error('no time');
  if (!(await gate.allows(request.uri, qs.parse(request.querystring)))) {
    return { status: '403', statusDescription: 'Forbidden', body: '<h1>no</h1>', bodyEncoding: 'text' };
  }
  request.querystring = '';
  return request;
}
