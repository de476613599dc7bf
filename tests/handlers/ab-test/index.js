// Callback style: a cookie keeps a viewer in its group, a die puts new ones into one.
'use strict';

const GROUPS = { A: '/experiment/control.jpg', B: '/experiment/treatment.jpg' };

exports.handler = (event, context, callback) => {
  const { request } = event.Records[0].cf;
  if (request.uri !== '/pixel.jpg') return callback(null, request);
  const cookies = (request.headers.cookie || []).map((line) => line.value).join('; ');
  const found = /(?:^|; )group=([AB])/.exec(cookies);
  const group = found ? found[1] : Math.random() < 0.75 ? 'A' : 'B';
  console.log('group %s, by %s', group, found ? 'cookie' : 'die');
  request.uri = GROUPS[group];
  callback(null, request);
};
