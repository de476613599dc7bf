// Half of the viewers see variant b. The choice hangs on the viewer's address and browser, so it is the same again even
// before the cookie is set; once it is set (ab-split-cookie does that), the cookie decides.
import crypto from 'crypto';

const COOKIE = 'ab';
const PREFIX = '/ab/';
const PERCENT_B = 50;

function choose(event) {
    const agent = event.request.headers['user-agent'];
    const identity = event.viewer.ip + '|' + (agent ? agent.value : '');
    const digest = crypto.createHash('sha256').update(identity).digest('hex');
    return parseInt(digest.slice(0, 8), 16) % 100 < PERCENT_B ? 'b' : 'a';
}

function handler(event) {
    const request = event.request;
    const cookie = request.cookies[COOKIE];
    const known = cookie && (cookie.value === 'a' || cookie.value === 'b');
    const variant = known ? cookie.value : choose(event);

    if (request.uri.startsWith(PREFIX)) {
        request.uri = PREFIX + variant + '/' + request.uri.slice(PREFIX.length);
    }
    // Tells ab-split-cookie and the origin; a value that the viewer made up is replaced.
    request.headers['x-ab-variant'] = { value: variant };
    // The address says it all from here on. Without the cookie all viewers of a variant share one cache entry.
    delete request.cookies[COOKIE];
    return request;
}
