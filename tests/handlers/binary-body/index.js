// The callback comes from a timer, and another timer is left alone.
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => {}, 60_000);
  const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
  const headers = { 'content-type': [{ key: 'Content-Type', value: 'image/gif' }] };
  setTimeout(() => callback(null, { status: 200, headers, body: pixel.toString('base64'), bodyEncoding: 'base64' }), 2);
};
