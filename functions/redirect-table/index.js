// Redirects from a table that changes without publishing the function: a key is a path, or a folder with a star behind it;
// a value is JSON: { "to": where, "status": 301 unless another is given }. A status of 410 needs no target.
import cf from 'cloudfront';

const kvs = cf.kvs();
const FOLDERS_MAX = 4;
const REASONS = { 301: 'Moved Permanently', 302: 'Found', 307: 'Temporary Redirect', 308: 'Permanent Redirect' };

// The entry of a key; null when there is none. Asking first is not needed: a key that is not there rejects.
async function entry(key) {
    try {
        return await kvs.get(key, { format: 'json' });
    } catch (error) {
        if (!error.message.includes('KeyNotFound')) {
            console.log('redirect-table: ' + key + ': ' + error.message);
        }
        return null;
    }
}

// The entry for a path: its own, or that of the nearest folder around it, a few levels up at most.
async function find(path) {
    const own = await entry(path);
    if (own !== null) {
        return { found: own, rest: '' };
    }
    let folder = path;
    for (let level = 0; level < FOLDERS_MAX; level++) {
        const slash = folder.lastIndexOf('/');
        if (slash <= 0) {
            return null;
        }
        folder = folder.slice(0, slash);
        const around = await entry(folder + '/*');
        if (around !== null) {
            return { found: around, rest: path.slice(folder.length + 1) };
        }
    }
    return null;
}

function withQuery(target, query) {
    if (query === '') {
        return target;
    }
    return target + (target.includes('?') ? '&' : '?') + query;
}

function queryOf(request) {
    const pairs = [];
    Object.keys(request.querystring).forEach(function (name) {
        const parameter = request.querystring[name];
        (parameter.multiValue || [parameter]).forEach(function (item) {
            pairs.push(item.value === '' ? name : name + '=' + item.value);
        });
    });
    return pairs.join('&');
}

async function handler(event) {
    const request = event.request;
    const hit = await find(request.uri);
    if (hit === null) {
        return request;
    }
    if (hit.found.status === 410) {
        return { statusCode: 410, statusDescription: 'Gone' };
    }
    const status = hit.found.status || 301;
    const target = hit.found.to.split('*').join(hit.rest);
    return {
        statusCode: status,
        statusDescription: REASONS[status],
        headers: {
            'cache-control': { value: 'max-age=60' },
            'location': { value: withQuery(target, queryOf(request)) }
        }
    };
}
