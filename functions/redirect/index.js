// Runtime 1.0: no let, no const. Old addresses go to new ones for good, /start goes where the viewer's country speaks.
var MOVED = {
    '/old-docs': '/docs/',
    '/products.php': '/api/items'
};
var MOVED_FOLDERS = {
    '/old-docs/': '/docs/',
    '/blog/': '/news/'
};
var BY_COUNTRY = { AT: '/docs/de/', CH: '/docs/de/', DE: '/docs/de/', BE: '/docs/fr/', FR: '/docs/fr/' };
var ELSEWHERE = '/docs/en/';

// The query string as it came: names and values are still percent-encoded, so they are joined and not encoded again.
function queryOf(request) {
    var pairs = [];
    Object.keys(request.querystring).forEach(function (name) {
        var parameter = request.querystring[name];
        var values = parameter.multiValue || [parameter];
        values.forEach(function (item) {
            pairs.push(item.value === '' ? name : name + '=' + item.value);
        });
    });
    return pairs.length > 0 ? '?' + pairs.join('&') : '';
}

// Own entries only: an address or a country called "constructor" is not in any table.
function find(table, key) {
    return Object.prototype.hasOwnProperty.call(table, key) ? table[key] : null;
}

function movedTo(uri) {
    var target = find(MOVED, uri);
    Object.keys(MOVED_FOLDERS).forEach(function (folder) {
        if (uri.startsWith(folder)) {
            target = MOVED_FOLDERS[folder] + uri.slice(folder.length);
        }
    });
    return target;
}

function answer(status, description, location, cacheControl) {
    return {
        statusCode: status,
        statusDescription: description,
        headers: {
            'cache-control': { value: cacheControl },
            'location': { value: location }
        }
    };
}

function handler(event) {
    var request = event.request;

    if (request.uri === '/start') {
        var country = request.headers['cloudfront-viewer-country'];
        var location = (country && find(BY_COUNTRY, country.value)) || ELSEWHERE;
        return answer(302, 'Found', location + queryOf(request), 'no-store');
    }

    var target = movedTo(request.uri);
    if (target !== null) {
        return answer(301, 'Moved Permanently', target + queryOf(request), 'max-age=3600');
    }
    return request;
}
