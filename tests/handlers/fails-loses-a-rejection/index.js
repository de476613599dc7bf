exports.handler = () => { Promise.reject(new Error('lost')); };
