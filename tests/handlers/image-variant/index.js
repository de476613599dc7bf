const querystring = require('querystring');

const SIZES = [100, 200, 300];

exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  const asked = /^(\d+)x\d+$/.exec(querystring.parse(request.querystring).d ?? '');
  const parts = /^(.*)\/([^/]*)\.([^.]*)$/.exec(request.uri);
  if (!asked || !parts) return request;
  const size = SIZES.find((each) => Math.abs(each - asked[1]) <= each * 0.2) ?? 200;
  const webp = /webp/.test(request.headers.accept?.[0].value);
  const [, folder, name, ending] = parts;
  request.uri = `${folder}/${size}x${size}/${webp ? 'webp' : ending}/${name}.${ending}`;
  return request;
};
