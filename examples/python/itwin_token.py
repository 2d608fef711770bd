"""Reads access tokens for the iTwin Platform from Vault, with nothing but the standard library."""

import json
import os
import threading
import time
import urllib.request


RETRY_AFTER = 5  # seconds to leave Vault alone after a failed read


class VaultToken:
    """The shared token of one role; safe for threads.

    path: such as "itwin/token/viewer".
    addr, vault_token: VAULT_ADDR and VAULT_TOKEN by default.
    clock: the time in seconds since 1970.
    timeout: seconds that Vault may take to answer.
    """

    def __init__(self, path, addr=None, vault_token=None, clock=time.time, timeout=15):
        self._url = f"{addr or os.environ['VAULT_ADDR']}/v1/{path}"
        # Without one, a Vault Proxy adds its own.
        self._vault_token = vault_token if vault_token is not None else os.environ.get("VAULT_TOKEN", "")
        self._clock = clock
        self._timeout = timeout
        self._lock = threading.Lock()
        self._token = None
        self._read_again_at = 0
        self._expires_at = 0

    def get(self):
        """Returns the token, without "Bearer ". Reads it when Vault has a new one.

        Raises OSError (urllib.error.HTTPError, if Vault answered) when there is no token to be had.
        """
        with self._lock:
            if self._clock() >= self._read_again_at:
                self._refresh()
            return self._token

    def _refresh(self):
        try:
            self._read()
        except OSError:
            # Vault may be away for a while: the previous token is good for half an hour more, as a rule.
            if self._clock() >= self._expires_at:
                raise
            self._read_again_at = self._clock() + RETRY_AFTER

    def _read(self):
        asked = self._clock()
        request = urllib.request.Request(
            self._url, headers={"X-Vault-Token": self._vault_token, "X-Vault-Request": "true"}
        )
        with urllib.request.urlopen(request, timeout=self._timeout) as response:
            data = json.load(response)["data"]
        self._token = data["access_token"]
        self._read_again_at = asked + data["ttl"]
        self._expires_at = data["expires_at_unix"]
