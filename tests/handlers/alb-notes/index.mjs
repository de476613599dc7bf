// A list of notes over HTTP, kept in a file of the environment.
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const folder = path.join(tmpdir(), 'notes');
const file = path.join(folder, 'all.jsonl');
const answer = (statusCode, content, headers = {}) => ({
  statusCode, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(content),
});

async function notes() {
  try {
    const lines = await readFile(file, 'utf8');
    return lines.trimEnd().split('\n').map((line) => JSON.parse(line));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

async function add(event) {
  const body = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
  let text;
  try { ({ text } = JSON.parse(body)); } catch { return answer(400, { error: 'no JSON' }); }
  if (typeof text !== 'string' || text === '') return answer(422, { error: 'a note has a text' });
  const note = { id: (await notes()).length + 1, text };
  await mkdir(folder, { recursive: true });
  await appendFile(file, `${JSON.stringify(note)}\n`);
  return answer(201, note, { location: `/notes/${note.id}` });
}

export const handler = async (event) => {
  if (event.path === '/notes') {
    switch (event.httpMethod) {
      case 'GET': return answer(200, await notes());
      case 'POST': return add(event);
      default: return answer(405, { error: event.httpMethod }, { allow: 'GET, POST' });
    }
  }
  const note = (await notes()).find(({ id }) => event.path === `/notes/${id}`);
  return note ? answer(200, note) : answer(404, { error: event.path });
};
