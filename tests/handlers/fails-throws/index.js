exports.handler = async () => { null.x; };
