// Lower case and sorted: equal questions get equal keys at the origin's side.
const querystring = require('querystring');

exports.handler = (event, context, callback) => {
  const { request } = event.Records[0].cf;
  const given = querystring.parse(request.querystring.toLowerCase());
  const sorted = Object.fromEntries(Object.keys(given).sort().map((name) => [name, given[name]]));
  request.querystring = querystring.stringify(sorted);
  callback(null, request);
};
