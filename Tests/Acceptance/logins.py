"""Other logins beside the server: their keys, the tokens that PyJWT makes with them, and the verifiers for those."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same name, the same key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ec_key(name: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def certificate_pem(key: PrivateKey) -> bytes:
    """Signed by itself, and out of date: the file is trusted, not who signed it, nor when."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "login")])
    end = datetime.now(timezone.utc) - timedelta(days=1)
    builder = x509.CertificateBuilder(
        issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=1,
        not_valid_before=end - timedelta(days=1), not_valid_after=end)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def jwks(**keys: PrivateKey) -> str:
    """A JWK Set with the public halves, by their ids."""
    def public(key: PrivateKey) -> dict[str, Any]:
        algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        return algorithm.to_jwk(key.public_key(), as_dict=True)

    return json.dumps({"keys": [public(key) | {"kid": name, "use": "sig"} for name, key in keys.items()]})


@dataclass(frozen=True)
class Login:
    """Somebody who signs tokens, and the verifier that accepts them."""

    name: str
    key: str | PrivateKey
    algorithm: str
    # What every token says, but where a test has it say otherwise.
    claims: dict[str, Any] = field(default_factory=dict)
    # The claim that names the person.
    person: str = "user_id"
    kid: str | None = None

    def token(
        self, person: Any = None, algorithm: str | None = None, key: Any = None, header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Good for an hour, unless the claims say otherwise; None leaves a claim out."""
        payload = {"exp": int(time.time()) + 3600, self.person: person} | self.claims | claims
        headers = ({"kid": self.kid} if self.kid else {}) | (header or {})
        return jwt.encode(
            {name: value for name, value in payload.items() if value is not None}, key or self.key,
            algorithm or self.algorithm, headers=headers)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    return jwt.decode(token, options={"verify_signature": False})


def write(folder: Path, name: str, text: str | bytes) -> str:
    """The path of a new file."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


# As long as HS512 would like to have them.
SECRETS = {name: hashlib.sha512(name.encode()).hexdigest() for name in ("shared", "written", "filed")}

SHARED = Login("jwt_secret", SECRETS["shared"], "HS256")
WRITTEN = Login("written", SECRETS["written"], "HS256", {"iss": "https://written.example", "aud": "chat"})
FILED = Login("filed", SECRETS["filed"], "HS384", {"aud": ["web", "chat"]}, person="uid")
RSA = Login("rsa", rsa_key("rsa"), "RS256", {"iss": "https://rsa.example"})
CERTIFIED = Login("certified", rsa_key("certified"), "RS256", {"iss": "https://certified.example"}, person="sub")
CURVE = Login("curve", ec_key("curve"), "ES256")
SET_RSA = Login("set", rsa_key("set"), "RS256", {"iss": "https://set.example"}, person="sub", kid="r1")
SET_EC = Login("set", ec_key("set"), "ES256", {"iss": "https://set.example"}, person="sub", kid="e1")
LOGINS = [SHARED, WRITTEN, FILED, RSA, CERTIFIED, CURVE, SET_RSA, SET_EC]


def settings(folder: Path) -> dict[str, str]:
    """Variables for a server beside all of these logins, whose files are in the folder."""
    verifiers = [
        {"name": "written", "secret": WRITTEN.key, "issuer": "https://written.example", "audience": "chat"},
        {"name": "filed", "secret_file": write(folder, "secret", SECRETS["filed"] + "\n"), "leeway": "30s",
         "audience": ["other", "web"], "id_claims": ["uid"], "algorithms": ["HS384", "HS512"]},
        {"name": "rsa", "key_file": write(folder, "rsa.pem", public_pem(RSA.key)), "issuer": "https://rsa.example"},
        {"name": "certified", "key_file": write(folder, "certificate.pem", certificate_pem(CERTIFIED.key)),
         "issuer": "https://certified.example", "leeway": "2s"},
        {"name": "curve", "key_file": write(folder, "curve.pem", public_pem(CURVE.key))},
        {"name": "set", "jwks_file": write(folder, "jwks.json", jwks(r1=SET_RSA.key, e1=SET_EC.key)),
         "issuer": "https://set.example", "id_claims": "sub"},
    ]
    return {"SWITCHBOARD_JWT": json.dumps(verifiers), "SWITCHBOARD_JWT_SECRET": SECRETS["shared"]}
