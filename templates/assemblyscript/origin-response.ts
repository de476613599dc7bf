// Runs when the origin answered, before the answer is stored: also for errors, not on a cache hit.
import { Config, Request, Response, callForResponse, log, removeHeader, setHeader } from "./edge";
export { cabi_realloc } from "./edge";

const NOT_FOUND = "<!doctype html>\n<title>Not found</title>\n<p>There is nothing here.\n";

function handler(config: Config, request: Request, response: Response): Response {
  setHeader(response.headers, "strict-transport-security", "max-age=31536000");
  // The origin's body is not shown, but can be replaced. Its length is then another one.
  if (response.status == 404) {
    setHeader(response.headers, "content-type", "text/html; charset=utf-8");
    removeHeader(response.headers, "content-length");
    response.body = String.UTF8.encode(NOT_FOUND);
    log(`not found: ${request.uri}`);
  }
  return response;
}

/** What the edge calls. */
export function originResponse(at: usize): usize {
  return callForResponse(at, handler);
}
