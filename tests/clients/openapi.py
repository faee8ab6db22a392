"""The OpenAPI document, and the answers of all paths without a parameter against it."""
import json
import os
import urllib.request

import jsonschema
from openapi_spec_validator import validate

URL = f"http://{os.environ['HTTP']}"


def get(path):
    return json.load(urllib.request.urlopen(URL + path))


document = get("/openapi.json")
validate(document)
print("ok the document is valid")
for path, item in document["paths"].items():
    content = item["get"]["responses"]["200"]["content"].get("application/json")
    if content and "{" not in path and path not in ("/api/events", "/api/memos", "/api/search", "/api/watch"):
        jsonschema.validate(get(path), content["schema"])
        print(f"ok {path}")
