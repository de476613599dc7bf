// Clean addresses for a static site: /docs/ and /docs/install mean the index.html in that folder, and documentation
// is served in the viewer's language: /docs/install becomes /docs/de/install/index.html.
const LANGUAGES = ['en', 'de', 'fr'];
const FALLBACK = 'en';
const TRANSLATED = '/docs';

// The best of LANGUAGES according to Accept-Language (RFC 9110 section 12.5.4), or null.
function preferred(header) {
    let best = null;
    let bestQuality = 0;
    header.toLowerCase().split(',').forEach(function (item) {
        const parts = item.split(';');
        const language = parts[0].trim().split('-')[0];
        let quality = 1;
        parts.slice(1).forEach(function (parameter) {
            const pair = parameter.trim().split('=');
            if (pair[0].trim() === 'q') {
                quality = parseFloat(pair[1]);
            }
        });
        // A quality that is not a number compares false and loses.
        if (quality > bestQuality && LANGUAGES.includes(language)) {
            best = language;
            bestQuality = quality;
        }
    });
    return best;
}

function languageOf(request) {
    const cookie = request.cookies.lang;
    if (cookie && LANGUAGES.includes(cookie.value)) {
        return cookie.value;
    }
    const header = request.headers['accept-language'];
    return (header && preferred(header.value)) || FALLBACK;
}

function withIndex(uri) {
    if (uri.endsWith('/')) {
        return uri + 'index.html';
    }
    const name = uri.slice(uri.lastIndexOf('/') + 1);
    return name.includes('.') ? uri : uri + '/index.html';
}

function handler(event) {
    const request = event.request;
    let uri = request.uri;

    if (uri === TRANSLATED || uri.startsWith(TRANSLATED + '/')) {
        const rest = uri.slice(TRANSLATED.length);
        if (!LANGUAGES.includes(rest.split('/')[1])) {
            uri = TRANSLATED + '/' + languageOf(request) + rest;
        }
    }
    request.uri = withIndex(uri);
    return request;
}
