def lambda_handler(event, context):
    response = event["Records"][0]["cf"]["response"]
    if 400 <= int(response["status"]) <= 599:
        print("replacing a", response["status"])
        response.update(status="200", statusDescription="OK", body="Grüße")
    return response
