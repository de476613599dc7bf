// A page without an origin, with text beyond ASCII.
exports.handler = async () => ({
  status: '200',
  statusDescription: 'OK',
  headers: {
    'cache-control': [{ key: 'Cache-Control', value: 'max-age=100' }],
    'content-type': [{ key: 'Content-Type', value: 'text/html; charset=utf-8' }],
  },
  body: '<!doctype html><title>Grüße</title><p>5 € 🎈',
});
