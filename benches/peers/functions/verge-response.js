// The viewer sees who answered.
function handler(event) {
  event.response.headers['x-answered-by'] = { value: 'verge' };
  return event.response;
}
