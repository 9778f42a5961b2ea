"""The demonstration's ``rollcall.toml``: one tenant for each school, live, and nothing that waits for minutes."""

import secrets
from pathlib import Path

from services.sandbox.demo.plan import Plan
from services.sandbox.servers.brokers import Addresses
from services.sandbox.servers.loopback import HOST, free_ports

CLIENT_ID, CLIENT_SECRET = "demo", "made-up-secret"
PARTITIONS = 6

SHARED = """\
[kafka]
bootstrap_servers = "{kafka}"
partitions = {partitions}
create_topics = true
topic_prefix = "{prefix}"
group_prefix = "{prefix}"
[redis]
url = "{redis}"
key_prefix = "{prefix}"
[gateway]
listen = "{host}:{gateway}"
[operators]
key = {{ file = "operators.key" }}
"""
SCHOOL = """
[tenants.{slug}]
url = "{unitu}/v1/sync"
api_key = {{ file = "{slug}.key" }}
mode = "live"
staff = "not-in-unitu"
quiet_seconds = 0.3
max_delay_seconds = 2
min_interval_seconds = 0

[schools.{slug}]
tenant = "{slug}"
source = "isams"
base_url = "{isams}/{slug}"
client_id = "{client_id}"
client_secret = {{ file = "isams.secret" }}
poll_seconds = 1
structure_hours = {structure_hours}
max_requests_per_hour = 1000000
absence_confirm_minutes = 0
page_size = {page_size}
"""


def api_key(slug: str) -> str:
    """What the Unitu twin knows a tenant by."""
    return f"key-of-{slug}"


def write_configuration(folder: Path, plan: Plan, brokers: Addresses, prefix: str, isams: str, unitu: str) -> Path:
    """The file, with its secrets beside it. ``isams`` and ``unitu`` are the twins' addresses."""
    (gateway,) = free_ports(1)
    text = SHARED.format(
        kafka=brokers.kafka,
        redis=brokers.redis,
        partitions=PARTITIONS,
        prefix=prefix,
        host=HOST,
        gateway=gateway,
    )
    (folder / "isams.secret").write_text(CLIENT_SECRET)
    (folder / "operators.key").write_text(secrets.token_urlsafe())
    for slug in plan.sizes:
        (folder / f"{slug}.key").write_text(api_key(slug))
        text += SCHOOL.format(
            slug=slug,
            isams=isams,
            unitu=unitu,
            client_id=CLIENT_ID,
            # sets in every sweep of the smallest school, so that a change of set shows; a large one has hundreds
            structure_hours=0 if slug == plan.schools[0] else 6,
            page_size=plan.page_size,
        )
    path = folder / "rollcall.toml"
    path.write_text(text)
    return path
