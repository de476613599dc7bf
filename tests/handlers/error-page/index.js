// An error becomes a page of ours.
exports.handler = (event, context, callback) => {
  const { response } = event.Records[0].cf;
  if (response.status >= 400 && response.status <= 599) {
    Object.assign(response, { status: 200, statusDescription: 'OK', body: 'Back soon.' });
    delete response.headers['content-length'];
  }
  callback(null, response);
};
