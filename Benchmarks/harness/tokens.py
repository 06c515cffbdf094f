"""Keys and tokens as an identity provider makes them (EdDSA), and passwords as libsodium hashes them, both by libsodium itself
and none of the code under test."""
import base64
import ctypes
import ctypes.util
import json
import threading
import time

from .processes import Failure

# Of argon2id, as SocialAPI has them: OWASP's second choice.
MEMORY_BYTES, PASSES = 19 << 20, 2


def libsodium():
    name = ctypes.util.find_library("sodium")
    if not name:
        raise Failure("libsodium is not installed")
    library = ctypes.CDLL(name)
    if library.sodium_init() < 0:
        raise Failure("libsodium cannot be used")
    return library


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider:
    """Somebody who signs tokens."""

    def __init__(self):
        self.sodium = libsodium()
        public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        self.sodium.crypto_sign_keypair(public, self.secret)
        key = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "bench", "x": base64url(public.raw)}
        self.key_set = json.dumps({"keys": [key]})

    def token(self, user):
        now = int(time.time())
        claims = {"sub": user, "iat": now, "exp": now + 3600, "role": "user", "sid": f"session-of-{user}"}
        signed = ".".join(
            base64url(json.dumps(part, separators=(",", ":")).encode())
            for part in ({"alg": "EdDSA", "kid": "bench", "typ": "JWT"}, claims)).encode()
        signature = ctypes.create_string_buffer(64)
        self.sodium.crypto_sign_detached(signature, None, signed, ctypes.c_ulonglong(len(signed)), self.secret)
        return f"{signed.decode()}.{base64url(signature.raw)}"


def checks_per_second(threads, seconds):
    """Passwords that libsodium alone checks, with as many threads. ctypes gives Python's lock back while it does."""
    sodium, password = libsodium(), b"correct horse"
    text = ctypes.create_string_buffer(128)
    length = ctypes.c_ulonglong(len(password))
    if sodium.crypto_pwhash_str(text, password, length, ctypes.c_ulonglong(PASSES), ctypes.c_size_t(MEMORY_BYTES)):
        raise Failure("libsodium has no memory")
    counts = [0] * threads
    start = time.monotonic()

    def work(number):
        while time.monotonic() < start + seconds:
            if sodium.crypto_pwhash_str_verify(text, password, length):
                raise Failure("libsodium does not know its own hash")
            counts[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.monotonic() - start)
