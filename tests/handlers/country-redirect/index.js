const SITES = new Map([['TW', 'https://tw.example/'], ['US', 'https://us.example/']]);

exports.handler = async (event) => {
  const country = event.Records[0].cf.request.headers['cloudfront-viewer-country']?.[0].value;
  const value = SITES.get(country) ?? 'https://example.com/';
  return { status: '302', statusDescription: 'Found', headers: { location: [{ key: 'Location', value }] } };
};
