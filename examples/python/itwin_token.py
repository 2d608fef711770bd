"""Reads access tokens for the iTwin Platform from Vault, with only the standard library."""

import json
import os
import threading
import time
import urllib.request


GRACE = 1  # seconds that a caller waits for a new token while the previous one is valid
RETRY_AFTER = 5  # seconds to wait after a failed read


class VaultToken:
    """The shared token of one role. It is thread-safe, and concurrent callers share one read.

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
        self._reading = None  # the thread that reads
        self._error = None  # of the last read
        self._token = None
        self._read_again_at = 0
        self._expires_at = 0

    def get(self):
        """Returns the token, without "Bearer ". Reads it when Vault has a new one.

        Raises OSError (urllib.error.HTTPError, if Vault answered) when there is no valid token.
        """
        with self._lock:
            reading = self._start_if_due()
            valid = self._is_valid()
        if reading:
            reading.join(GRACE if valid else None)
        with self._lock:
            if self._is_valid():
                return self._token
            raise self._error

    def _is_valid(self):
        return self._clock() < self._expires_at

    def _start_if_due(self):
        if self._clock() < self._read_again_at:
            return None
        if self._reading is None:
            self._reading = threading.Thread(target=self._read, args=(self._clock(),), daemon=True)
            self._reading.start()
        return self._reading

    def _read(self, asked):
        # Without the lock, so that callers with a valid token don't wait for Vault.
        data, error = None, None
        try:
            data = self._request()
        except OSError as err:
            error = err
        except (ValueError, KeyError):
            error = OSError("the answer isn't Vault's: check VAULT_ADDR and the path")
        with self._lock:
            self._reading = None
            self._error = error
            if data:
                self._token, ttl, self._expires_at = data
                self._read_again_at = asked + ttl
                if not self._is_valid():
                    self._error = OSError("the token has expired, by this machine's clock")
            elif self._is_valid():
                # Vault may be down for a while: the previous token is usually valid for another half hour.
                self._read_again_at = self._clock() + RETRY_AFTER

    def _request(self):
        request = urllib.request.Request(
            self._url, headers={"X-Vault-Token": self._vault_token, "X-Vault-Request": "true"}
        )
        with urllib.request.urlopen(request, timeout=self._timeout) as response:
            data = json.load(response)["data"]
        return data["access_token"], data["ttl"], data["expires_at_unix"]
