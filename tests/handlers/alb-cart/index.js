// Cookies and repeated parameters: the event and the response have lists of values.
exports.handler = (event, context, callback) => {
  const cookies = (event.multiValueHeaders.cookie ?? []).flatMap((line) => line.split('; '));
  const before = cookies.filter((cookie) => cookie.startsWith('item='));
  const added = event.multiValueQueryStringParameters.item ?? [];
  const items = [...before.map((cookie) => cookie.slice(5)), ...added];
  callback(null, {
    statusCode: 200,
    statusDescription: '200 OK',
    multiValueHeaders: {
      'Content-Type': ['text/plain; charset=utf-8'],
      'Set-Cookie': added.map((item) => `item=${item}; Path=/`),
    },
    body: items.map((item) => decodeURIComponent(item)).join('\n'),
    isBase64Encoded: false,
  });
};
