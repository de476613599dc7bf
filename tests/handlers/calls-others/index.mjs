// What a handler may do over HTTP, against the demo origin; egress lists that origin alone.
import http from 'node:http';
import https from 'https';

const origin = process.env.ORIGIN;
const told = [];
const tell = (...words) => told.push(words.join(' '));

function get(url, options = {}) {
  return new Promise((resolve, reject) => {
    http.get(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => { body += chunk; }).on('end', () => resolve([response, body]));
    }).on('error', reject);
  });
}

function post(path, body) {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path, method: 'POST', headers: { 'Content-Type': 'text/plain', 'Content-Length': body.length } });
    request.on('response', async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve(Buffer.concat(chunks).toString());
    });
    request.on('error', reject);
    request.write(body.slice(0, 3));
    request.end(body.slice(3));
  });
}

async function failureOf(promise) {
  try { await promise; return 'no failure'; } catch (error) { return `${error.name} ${(error.cause ?? error).code ?? error.message}`; }
}

export const handler = async () => {
  const items = await fetch(`${origin}/api/items`);
  tell(items.status, items.ok, items.headers.get('content-type'), Array.isArray((await items.json()).items ?? []));
  const both = await Promise.all([fetch(`${origin}/slow?ms=30`), fetch(`${origin}/fail?status=503`)]);
  tell(both.map((each) => each.status));
  const seen = await (await fetch(new Request(`${origin}/headers`, { headers: { 'X-Asked': 'yes' } }))).json();
  tell(JSON.stringify(seen).includes('"yes"'));
  const [response, body] = await get(`${origin}/search?q=verge`, { headers: { Accept: 'application/json' } });
  tell(response.statusCode, response.headers['content-type'], body.includes('verge'));
  tell(await post('/echo', 'hello'));
  tell(await failureOf(fetch('https://example.com/')));
  tell(await failureOf(new Promise((resolve, reject) => https.get('https://example.com/', resolve).on('error', reject))));
  tell(await failureOf(fetch(`${origin}/slow?ms=5000`, { signal: AbortSignal.timeout(20) })));
  fetch(`${origin}/slow?ms=5000`); // Left alone: it ends with the call.
  return { status: '200', body: told.join('\n') };
};
