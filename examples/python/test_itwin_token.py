"""Needs a Vault with the role viewer: VAULT_ADDR and VAULT_TOKEN. Run: python3 -m unittest"""

import json
import os
import time
import unittest
import urllib.error
import urllib.request

from itwin_token import VaultToken


MINUTE = 60


class Clock:
    passed = 0

    def __call__(self):
        return time.time() + self.passed


def rotate():
    """Mints a new token, which every reader gets at its next read."""
    urllib.request.urlopen(
        urllib.request.Request(
            os.environ["VAULT_ADDR"] + "/v1/itwin/rotate/viewer",
            data=json.dumps({}).encode(),
            headers={"X-Vault-Token": os.environ["VAULT_TOKEN"]},
        ),
        timeout=15,
    ).close()


class VaultTokenTest(unittest.TestCase):
    def test_reads_again_at_ttl_and_not_before(self):
        clock = Clock()
        token = VaultToken("itwin/token/viewer", clock=clock)
        first = token.get()
        rotate()
        self.assertEqual(first, token.get(), "read again although nothing was due")
        clock.passed = 40 * MINUTE
        self.assertNotEqual(first, token.get(), "not read again although it was due")

    def test_keeps_the_token_from_before_while_vault_fails(self):
        rotate()
        clock = Clock()
        token = VaultToken("itwin/token/viewer", clock=clock)
        first = token.get()
        token._vault_token = "no-such-token"
        clock.passed = 40 * MINUTE
        self.assertEqual(first, token.get())
        clock.passed = 61 * MINUTE
        with self.assertRaises(urllib.error.HTTPError) as refused:
            token.get()
        refused.exception.close()

    def test_says_that_vault_refuses(self):
        token = VaultToken("itwin/token/viewer", vault_token="no-such-token")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            token.get()
        self.assertEqual(403, refused.exception.code)
        refused.exception.close()


if __name__ == "__main__":
    unittest.main()
