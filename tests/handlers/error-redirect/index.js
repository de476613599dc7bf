exports.handler = async (event) => {
  const { request, response } = event.Records[0].cf;
  if (Number(response.status) < 400) return response;
  response.status = '302';
  response.statusDescription = 'Found';
  response.body = '';
  response.headers.location = [{ key: 'Location', value: `/sorry?${request.querystring}` }];
  return response;
};
