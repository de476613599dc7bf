// Node.js's `https`: `http` over TLS, with the certificate authorities of the system the edge runs on.
import { Agent, ClientRequest, IncomingMessage, METHODS, STATUS_CODES, getter, globalAgent, requester } from './http.js';

export const request = requester('https');
export const get = getter(request);
export { Agent, globalAgent };
export default { request, get, Agent, globalAgent, METHODS, STATUS_CODES, ClientRequest, IncomingMessage };
