// Runs when the edge is about to ask the origin: on a miss, not on a cache hit.
import { Action, Config, Request, Response, callForRequest, log, setHeader } from "./edge";
export { cabi_realloc } from "./edge";

function handler(config: Config, request: Request): Action {
  // A response in place of the request: the origin is not asked, and the response is stored as the origin's would be.
  if (request.uri == "/healthz") return new Action(request, healthy());
  // Many origins give no index of a folder. What the cache is asked for stays the folder's own address.
  if (request.uri.endsWith("/")) {
    setHeader(request.headers, "x-original-uri", request.uri);
    request.uri += "index.html";
    log(`asking for ${request.uri}`);
  }
  return new Action(request);
}

function healthy(): Response {
  const response = new Response(200);
  response.statusDescription = "OK";
  setHeader(response.headers, "content-type", "text/plain");
  setHeader(response.headers, "cache-control", "no-store");
  response.body = String.UTF8.encode("ok\n");
  return response;
}

/** What the edge calls. */
export function originRequest(at: usize): usize {
  return callForRequest(at, handler);
}
