"""Cookies and repeated parameters: the event and the response have lists of values."""
from http.cookies import SimpleCookie
from urllib.parse import unquote


def lambda_handler(event, context):
    cookies = SimpleCookie("; ".join(event["multiValueHeaders"].get("cookie", [])))
    visits = int(cookies["visits"].value) + 1 if "visits" in cookies else 1
    items = [unquote(item) for item in event["multiValueQueryStringParameters"].get("item", [])]
    return {
        "statusCode": 200,
        "multiValueHeaders": {
            "content-type": ["text/plain; charset=utf-8"],
            "set-cookie": [f"visits={visits}", f"items={len(items)}; HttpOnly"],
        },
        "body": "\n".join(items),
    }
