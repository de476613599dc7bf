const wait = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));
async function * numbers() { yield 1; yield await wait(1, 2); }

exports.handler = async (event) => {
  const { request } = event.Records[0].cf;
  const told = [
    await Promise.all([wait(5, 'a'), 'b', Promise.resolve('c')]),
    (await Promise.allSettled([Promise.reject(new Error('x')), wait(1, 2)])).map((each) => each.status),
    await Promise.race([wait(50, 'slow'), wait(1, 'fast')]),
    await Promise.any([Promise.reject(new Error('y')), wait(1, 'any')]),
  ];
  for await (const number of numbers()) told.push(number);
  try { await Promise.reject(new TypeError('caught')); } catch (error) { told.push(error.message); }
  await new Promise((resolve) => process.nextTick(resolve)).finally(() => told.push('finally'));
  request.headers['x-told'] = [{ key: 'X-Told', value: JSON.stringify(told) }];
  return request;
};
