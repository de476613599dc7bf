const GOLD = process.env.GOLD_ORIGIN ?? 'gold.example.com';

export const handler = async (event) => {
  const { request } = event.Records[0].cf;
  if (request.headers['x-tier']?.[0]?.value === 'gold') {
    const { custom } = request.origin;
    custom.domainName = GOLD;
    custom.path = '/v2';
    custom.customHeaders['x-origin-key'] = [{ key: 'X-Origin-Key', value: process.env.ORIGIN_KEY ?? 'none' }];
    request.headers.host = [{ key: 'Host', value: GOLD }];
  }
  return request;
};
