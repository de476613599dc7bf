// Waits or spins for as many milliseconds as the query says; benches/environments.rs calls it.
export const handler = async (event) => {
  const { request } = event.Records[0].cf;
  const [what, text] = request.querystring.split('=');
  const milliseconds = Number(text);
  if (what === 'wait') {
    await new Promise((done) => setTimeout(done, milliseconds));
  }
  const end = Date.now() + milliseconds;
  while (what === 'spin' && Date.now() < end);
  return request;
};
