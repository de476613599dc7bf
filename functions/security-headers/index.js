// What a browser is told about every page. A value that the origin sent itself wins, except for those in ALWAYS.
const ALWAYS = {
    'strict-transport-security': 'max-age=63072000; includeSubDomains; preload',
    'x-content-type-options': 'nosniff'
};

const UNLESS_SET = {
    'referrer-policy': 'strict-origin-when-cross-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()'
};

// Only documents need these; on images and JSON they would be bytes for nothing.
const FOR_HTML = {
    'content-security-policy': "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    'x-frame-options': 'DENY'
};

const HIDDEN = ['server', 'x-powered-by', 'x-aspnet-version'];

function addMissing(headers, fields) {
    Object.keys(fields).forEach(function (name) {
        if (!headers[name]) {
            headers[name] = { value: fields[name] };
        }
    });
}

function handler(event) {
    const response = event.response;
    const headers = response.headers;

    Object.keys(ALWAYS).forEach(function (name) {
        headers[name] = { value: ALWAYS[name] };
    });
    addMissing(headers, UNLESS_SET);

    const type = headers['content-type'];
    if (type && type.value.toLowerCase().startsWith('text/html')) {
        addMissing(headers, FOR_HTML);
    }

    HIDDEN.forEach(function (name) {
        delete headers[name];
    });
    return response;
}
