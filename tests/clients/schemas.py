"""Real answers against the schemas that rpc.discover gives, checked by a library that is not ours."""
import base64
import json
import os
import urllib.request

import jsonschema

URL = f"http://{os.environ['HTTP']}"
FIELDS = {"Authorization": "Basic " + base64.b64encode(os.environ["COOKIE"].encode()).decode()}


def call(method, params):
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode()
    return json.load(urllib.request.urlopen(urllib.request.Request(URL, body, FIELDS)))["result"]


methods = {method["name"]: method for method in call("rpc.discover", [])["methods"]}
for method in methods.values():
    jsonschema.Draft7Validator.check_schema(method["result"]["schema"])
    example = method["examples"][0]["result"]["value"]
    jsonschema.validate(example, method["result"]["schema"])
print(f"ok the examples of {len(methods)} methods")
for method, params in json.load(open(os.environ["CALLS"])):
    try:
        jsonschema.validate(call(method, params), methods[method]["result"]["schema"])
        print(f"ok {method}")
    except jsonschema.ValidationError as error:
        print(f"FAIL {method}: {error.message}")
