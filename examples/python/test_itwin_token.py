"""Needs a Vault with the role viewer: VAULT_ADDR and VAULT_TOKEN. Run: python3 -m unittest"""

import concurrent.futures
import contextlib
import http.server
import json
import os
import threading
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


@contextlib.contextmanager
def answering(delay=0, body=None):
    """A stand-in for Vault, whose tokens are called 1, 2, 3…"""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.reads += 1
            data = {"access_token": str(server.reads), "ttl": 1800, "expires_at_unix": time.time() + 60 * MINUTE}
            time.sleep(server.delay)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(server.body or json.dumps({"data": data}).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.reads, server.delay, server.body = 0, delay, body
    server.addr = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


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

    def test_threads_that_come_together_share_one_read(self):
        with answering(delay=0.2) as vault:
            token = VaultToken("itwin/token/viewer", addr=vault.addr)
            with concurrent.futures.ThreadPoolExecutor(20) as threads:
                tokens = set(threads.map(lambda _: token.get(), range(20)))
        self.assertEqual({"1"}, tokens)
        self.assertEqual(1, vault.reads)

    def test_nobody_with_a_valid_token_waits_for_a_vault_that_hangs(self):
        clock = Clock()
        with answering() as vault:
            token = VaultToken("itwin/token/viewer", addr=vault.addr, clock=clock)
            self.assertEqual("1", token.get())
            vault.delay = 4
            clock.passed = 40 * MINUTE
            began = time.monotonic()
            self.assertEqual(["1", "1"], [token.get(), token.get()])
            self.assertLess(time.monotonic() - began, 3.5)

    def test_leaves_vault_alone_for_5_s_after_a_failed_read(self):
        clock = Clock()
        with answering() as vault:
            token = VaultToken("itwin/token/viewer", addr=vault.addr, clock=clock)
            self.assertEqual("1", token.get())
            vault.body = b"<html>"
            clock.passed = 40 * MINUTE
            self.assertEqual(["1", "1"], [token.get(), token.get()])
            self.assertEqual(2, vault.reads)
            clock.passed += 5
            self.assertEqual("1", token.get())
            self.assertEqual(3, vault.reads)

    def test_says_that_an_answer_is_not_vaults(self):
        with answering(body=b"<html>") as vault:
            with self.assertRaisesRegex(OSError, "check VAULT_ADDR"):
                VaultToken("itwin/token/viewer", addr=vault.addr).get()

    def test_says_that_vault_refuses(self):
        token = VaultToken("itwin/token/viewer", vault_token="no-such-token")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            token.get()
        self.assertEqual(403, refused.exception.code)
        refused.exception.close()


if __name__ == "__main__":
    unittest.main()
