"""A Kafka with an authorizer: beside its open listener one with passwords and one with TLS."""

import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from services.sandbox.servers.brokers import Kafka
from services.sandbox.servers.loopback import HOST
from shared.config.settings import Kafka as Settings
from shared.kafka.cluster import missing_rights
from shared.kafka.rights import Right
from tests.faults.proxy import Proxy

WAIT_SECONDS = 60.0
PASSWORD = "made-up-secret"  # of all of them
USERS = ("fetcher", "gateway", "eligibility", "reconciler", "publisher", "cli", "nobody")

# The open door is the administrator's: whoever comes by it may do everything, and gives the others their rights.
PROPERTIES = """\
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller},SASL_PLAINTEXT://{host}:{sasl},\
SSL://{host}:{tls},NARROW://{host}:{narrow}
advertised.listeners=PLAINTEXT://{host}:{port},SASL_PLAINTEXT://{host}:{sasl},SSL://{host}:{tls},NARROW://{host}:{line}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,NARROW:PLAINTEXT,\
SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL
inter.broker.listener.name=PLAINTEXT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={jaas}
ssl.keystore.type=PEM
ssl.keystore.location={pem}
"""


class GuardedKafka(Kafka):
    """
    ``sasl`` and ``tls`` are the ports of its other two listeners; ``certificate`` is what its TLS shows. ``line`` is a
    proxy in front of one more that is open.
    """

    port_count = 5

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, say=lambda text: None)
        self.line = Proxy()

    def start(self) -> None:
        super().start()
        self.line.target = self._ports[4]

    def allow(self, rights: Iterable[Right], user: str = "") -> None:
        """To the user of each right's service, or to this one; returns when the broker goes by it."""
        rights, admin = list(rights), self._admin()
        for future in admin.create_acls(list({_binding(AclBinding, one, user) for one in rights})).values():
            future.result()
        self._await(rights, user, is_there=True)

    def forbid(self, rights: Iterable[Right], user: str = "") -> None:
        rights, admin = list(rights), self._admin()
        for future in admin.delete_acls(list({_binding(AclBindingFilter, one, user) for one in rights})).values():
            future.result()
        self._await(rights, user, is_there=False)

    def _await(self, rights: list[Right], user: str, *, is_there: bool) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        for name in {user or one.service for one in rights}:
            some = [one for one in rights if name in (user, one.service)]
            admin = self._admin(name)
            while len(missing_rights(admin, Settings(), some)) != (0 if is_there else len(some)):
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def _admin(self, user: str = "") -> AdminClient:
        """The administrator, or somebody. Kept until it has answered: what it is asked ends with it."""
        if not user:
            return AdminClient({"bootstrap.servers": f"{HOST}:{self.port}"})
        sasl = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": user}
        return AdminClient({**sasl, "sasl.password": PASSWORD, "bootstrap.servers": f"{HOST}:{self.sasl}"})

    @property
    def sasl(self) -> int:
        return self._ports[2]

    @property
    def tls(self) -> int:
        return self._ports[3]

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    def _prepare(self) -> Sequence[str | Path]:
        command = super()._prepare()
        port, controller, sasl, tls, narrow = self._ports
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in USERS)
        jaas = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
        with (self.folder / "server.properties").open("a") as file:
            file.write(
                PROPERTIES.format(
                    host=HOST,
                    port=port,
                    controller=controller,
                    sasl=sasl,
                    tls=tls,
                    narrow=narrow,
                    line=self.line.port,
                    jaas=jaas,
                    pem=self._key(),
                )
            )
        return command

    def _key(self) -> Path:
        """A key with its certificate, made by the machine's own openssl."""
        key, both = self.folder / "key.pem", self.folder / "both.pem"
        if not both.exists():
            subprocess.run(
                [
                    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
                    *("-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{HOST},DNS:localhost"),
                    *("-keyout", key, "-out", self.certificate),
                ],
                check=True,
                capture_output=True,
            )
            both.write_text(key.read_text() + self.certificate.read_text())
        return both


def _binding(kind: type, right: Right, user: str) -> Any:
    return kind(
        ResourceType[right.kind.upper()],
        right.resource,
        ResourcePatternType.LITERAL,
        f"User:{user or right.service}",
        "*",
        AclOperation[right.operation],
        AclPermissionType.ALLOW,
    )
