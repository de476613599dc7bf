// What the edge gives a function and takes from it: the records of verge's wit/edge.wit, read from and written to memory as
// the component model's canonical ABI lays them out. All memory lasts for the call; the next one begins with new memory.

@external("verge:edge/log@0.1.0", "write")
declare function write(at: usize, length: usize): void;

/** A line of the function's log. */
export function log(line: string): void {
  const bytes = String.UTF8.encode(line);
  write(changetype<usize>(bytes), bytes.byteLength);
}

/** What `throw` and failed assertions become: a line in the log, and the request fails with 503. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  log(`${message ? message : "failed"} (${file ? file : "?"}:${line}:${column})`);
  unreachable();
}

/** The edge asks for the memory of what it gives. */
export function cabi_realloc(old: usize, oldLength: usize, align: usize, length: usize): usize {
  return old ? heap.realloc(old, length) : heap.alloc(length);
}

/** One header field line. Names arrive in lower case. */
export class Header {
  constructor(public name: string, public value: string) {}
}

/** Sets the value of a name; its other lines are removed. */
export function setHeader(headers: Header[], name: string, value: string): void {
  removeHeader(headers, name);
  headers.push(new Header(name, value));
}

/** Removes every line of a name. */
export function removeHeader(headers: Header[], name: string): void {
  for (let i = headers.length - 1; i >= 0; i--) {
    if (headers[i].name == name) headers.splice(i, 1);
  }
}

/** Where the event comes from. */
export class Config {
  constructor(public distributionDomainName: string, public distributionId: string, public requestId: string) {}
}

/** The origin that will be, or was, asked. */
export class Origin {
  domainName: string = "";
  port: u16;
  https: bool;
  path: string = "";
  customHeaders: Header[] = [];
  /** Seconds. */
  readTimeout: u16;
  /** Seconds. */
  keepaliveTimeout: u16;
  sslProtocols: string[] = [];
}

export class Request {
  clientIp: string = "";
  method: string = "";
  uri: string = "";
  querystring: string = "";
  headers: Header[] = [];
  origin: Origin = new Origin();
}

export class Response {
  statusDescription: string = "";
  headers: Header[] = [];
  /** What is sent in place of the origin's body. */
  body: ArrayBuffer | null = null;

  constructor(public status: u16) {}
}

/** What becomes of a request: it is forwarded, unless there is a response. */
export class Action {
  constructor(public request: Request, public response: Response | null = null) {}
}

/** Calls a handler of origin-request with what lies at `at`; gives the place of its result. */
export function callForRequest(at: usize, handler: (config: Config, request: Request) => Action): usize {
  const action = handler(readConfig(at), readRequest(at + CONFIG_BYTES));
  const result = heap.alloc(8 + REQUEST_BYTES);
  store<u8>(result, 0);
  const response = action.response;
  store<u8>(result, response ? 1 : 0, 4);
  if (response) writeResponse(result + 8, response);
  else writeRequest(result + 8, action.request);
  return result;
}

/** Calls a handler of origin-response with what lies at `at`; gives the place of its result. */
export function callForResponse(
  at: usize, handler: (config: Config, request: Request, response: Response) => Response,
): usize {
  const request = readRequest(at + CONFIG_BYTES);
  const response = handler(readConfig(at), request, readResponse(at + CONFIG_BYTES + REQUEST_BYTES));
  const result = heap.alloc(4 + RESPONSE_BYTES);
  store<u8>(result, 0);
  writeResponse(result + 4, response);
  return result;
}

const CONFIG_BYTES: usize = 28;
const REQUEST_BYTES: usize = 80;
const RESPONSE_BYTES: usize = 32;
const HEADER_BYTES: usize = 16;
const TEXT_BYTES: usize = 8;

function readText(at: usize): string {
  return String.UTF8.decodeUnsafe(load<usize>(at), load<usize>(at, 4));
}

function writeBytes(at: usize, bytes: ArrayBuffer): void {
  store<usize>(at, changetype<usize>(bytes));
  store<usize>(at, bytes.byteLength, 4);
}

function writeText(at: usize, text: string): void {
  writeBytes(at, String.UTF8.encode(text));
}

function readHeaders(at: usize): Header[] {
  const headers: Header[] = [];
  const first = load<usize>(at);
  for (let i: usize = 0; i < load<usize>(at, 4); i++) {
    const header = first + i * HEADER_BYTES;
    headers.push(new Header(readText(header), readText(header + 8)));
  }
  return headers;
}

function writeHeaders(at: usize, headers: Header[]): void {
  const first = heap.alloc(headers.length * HEADER_BYTES);
  for (let i = 0; i < headers.length; i++) {
    writeText(first + i * HEADER_BYTES, headers[i].name);
    writeText(first + i * HEADER_BYTES + 8, headers[i].value);
  }
  store<usize>(at, first);
  store<usize>(at, headers.length, 4);
}

function readConfig(at: usize): Config {
  return new Config(readText(at), readText(at + 8), readText(at + 20));
}

function readRequest(at: usize): Request {
  const request = new Request();
  request.clientIp = readText(at);
  request.method = readText(at + 8);
  request.uri = readText(at + 16);
  request.querystring = readText(at + 24);
  request.headers = readHeaders(at + 32);
  request.origin = readOrigin(at + 40);
  return request;
}

function writeRequest(at: usize, request: Request): void {
  writeText(at, request.clientIp);
  writeText(at + 8, request.method);
  writeText(at + 16, request.uri);
  writeText(at + 24, request.querystring);
  writeHeaders(at + 32, request.headers);
  writeOrigin(at + 40, request.origin);
}

function readOrigin(at: usize): Origin {
  const origin = new Origin();
  origin.domainName = readText(at);
  origin.port = load<u16>(at, 8);
  origin.https = load<u8>(at, 10) == 1;
  origin.path = readText(at + 12);
  origin.customHeaders = readHeaders(at + 20);
  origin.readTimeout = load<u16>(at, 28);
  origin.keepaliveTimeout = load<u16>(at, 30);
  const first = load<usize>(at, 32);
  for (let i: usize = 0; i < load<usize>(at, 36); i++) origin.sslProtocols.push(readText(first + i * TEXT_BYTES));
  return origin;
}

function writeOrigin(at: usize, origin: Origin): void {
  writeText(at, origin.domainName);
  store<u16>(at, origin.port, 8);
  store<u8>(at, origin.https ? 1 : 0, 10);
  writeText(at + 12, origin.path);
  writeHeaders(at + 20, origin.customHeaders);
  store<u16>(at, origin.readTimeout, 28);
  store<u16>(at, origin.keepaliveTimeout, 30);
  const protocols = origin.sslProtocols;
  const first = heap.alloc(protocols.length * TEXT_BYTES);
  for (let i = 0; i < protocols.length; i++) writeText(first + i * TEXT_BYTES, protocols[i]);
  store<usize>(at, first, 32);
  store<usize>(at, protocols.length, 36);
}

function readResponse(at: usize): Response {
  const response = new Response(load<u16>(at));
  response.statusDescription = readText(at + 4);
  response.headers = readHeaders(at + 12);
  return response;
}

function writeResponse(at: usize, response: Response): void {
  store<u16>(at, response.status);
  writeText(at + 4, response.statusDescription);
  writeHeaders(at + 12, response.headers);
  const body = response.body;
  store<u8>(at, body ? 1 : 0, 20);
  if (body) writeBytes(at + 24, body);
}
