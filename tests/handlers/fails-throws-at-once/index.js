exports.handler = () => { throw new RangeError('at once'); };
