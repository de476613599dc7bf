"""Runs when the origin answered, before the answer is stored: also for errors, not on a cache hit."""

NOT_FOUND = "<!doctype html>\n<title>Not found</title>\n<p>There is nothing here.\n"


def lambda_handler(event, context):
    cf = event["Records"][0]["cf"]
    request, response = cf["request"], cf["response"]
    headers = response["headers"]
    headers["strict-transport-security"] = [{"key": "Strict-Transport-Security", "value": "max-age=31536000"}]
    # The origin's body is not shown, but can be replaced. Its length is then another one.
    if response["status"] == "404":
        headers["content-type"] = [{"key": "Content-Type", "value": "text/html; charset=utf-8"}]
        headers.pop("content-length", None)
        response["body"] = NOT_FOUND
        print(f"not found: {request['uri']}")
    return response
