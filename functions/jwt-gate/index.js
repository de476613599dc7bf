// A gate for one shared secret: RFC 7519 tokens signed with HMAC SHA-256 (RFC 7515, "HS256"), sent as a bearer token.
import crypto from 'crypto';

// For trying it out. README.md says how to replace it.
const SECRET = 'verge-demo-secret-do-not-use';

// Clocks differ a little between who signs and who checks. Seconds.
const LEEWAY = 30;

function refuse(description) {
    let challenge = 'Bearer realm="verge"';
    if (description) {
        challenge += ', error="invalid_token", error_description="' + description + '"';
    }
    return {
        statusCode: 401,
        statusDescription: 'Unauthorized',
        headers: {
            'cache-control': { value: 'no-store' },
            'www-authenticate': { value: challenge }
        }
    };
}

// Looks at every character whatever the first ones are, so that the time taken tells nothing about the signature.
function equal(a, b) {
    let difference = a.length ^ b.length;
    for (let i = 0; i < b.length; i++) {
        difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
    }
    return difference === 0;
}

function decoded(part) {
    try {
        const value = JSON.parse(Buffer.from(part, 'base64url').toString());
        return value !== null && typeof value === 'object' ? value : null;
    } catch (error) {
        return null;
    }
}

// Why the token is not good enough, or its claims.
function check(token, now) {
    const parts = token.split('.');
    if (parts.length !== 3) {
        return { problem: 'malformed' };
    }
    // The algorithm is ours to say; a token that names another one is not even looked at.
    const header = decoded(parts[0]);
    if (!header || header.alg !== 'HS256') {
        return { problem: 'unsupported algorithm' };
    }
    const signed = parts[0] + '.' + parts[1];
    const signature = crypto.createHmac('sha256', SECRET).update(signed).digest('base64url');
    if (!equal(parts[2], signature)) {
        return { problem: 'bad signature' };
    }
    const claims = decoded(parts[1]);
    if (!claims) {
        return { problem: 'malformed' };
    }
    if (typeof claims.exp !== 'number' || claims.exp + LEEWAY <= now) {
        return { problem: 'expired' };
    }
    if (claims.nbf !== undefined && !(claims.nbf - LEEWAY <= now)) {
        return { problem: 'not valid yet' };
    }
    return { claims: claims };
}

function handler(event) {
    const request = event.request;
    const authorization = request.headers.authorization;
    const match = authorization && /^Bearer +([A-Za-z0-9_.-]+)$/i.exec(authorization.value);
    if (!match) {
        return refuse(authorization ? 'malformed' : null);
    }

    const result = check(match[1], Math.floor(Date.now() / 1000));
    if (result.problem) {
        return refuse(result.problem);
    }

    // The origin learns who it is from us alone: what the viewer wrote there is replaced or removed.
    delete request.headers['x-jwt-subject'];
    if (typeof result.claims.sub === 'string') {
        request.headers['x-jwt-subject'] = { value: encodeURIComponent(result.claims.sub) };
    }
    delete request.headers.authorization;
    return request;
}
