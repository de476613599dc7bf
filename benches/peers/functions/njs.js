// verge-request.js and verge-response.js for nginx's njs.
const versioned = /^\/fn\/v\d+\/(obj|nc)\/([a-z0-9]+)$/;

function target(r) {
    const path = r.uri.replace(versioned, '/$1/$2');
    const query = r.variables.args;
    if (!query) return path;
    const kept = query.split('&').filter((part) => !part.startsWith('utm_')).sort();
    return kept.length ? path + '?' + kept.join('&') : path;
}

function mark(r) {
    r.headersOut['x-answered-by'] = 'njs';
}

export default { target, mark };
