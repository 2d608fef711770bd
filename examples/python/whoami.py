#!/usr/bin/env python3
"""Prints the e-mail address of the service app, which is what to invite to an iTwin."""

import json
import os
import urllib.request

from itwin_token import VaultToken

token = VaultToken("itwin/token/viewer")

request = urllib.request.Request(
    os.environ.get("ITWIN_API_URL", "https://api.bentley.com") + "/users/me",
    headers={
        "Accept": "application/vnd.bentley.itwin-platform.v1+json",
        "Authorization": f"Bearer {token.get()}",
    },
)
with urllib.request.urlopen(request, timeout=30) as response:
    print(json.load(response)["user"]["email"])
