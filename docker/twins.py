"""
Puts a made-up school into the twin of iSAMS and two universities into that of Unitu, once both answer.

Run once by docker-compose.yml, with the secrets of both sides in the environment. What is there is left as it is.
"""

import os
import time

import httpx2

from services.sandbox.schools.school import make_school
from services.sandbox.twin_client import IsamsTwin, UnituTwin

ISAMS, UNITU = os.environ["ISAMS_TWIN"], os.environ["UNITU_TWIN"]
SCHOOL, STUDENTS, SEED = "abbey", 300, 1
WAIT_SECONDS = 60.0


def wait_for(address: str) -> None:
    """Raises: httpx2.TransportError, when nothing answers there in time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            httpx2.get(address, timeout=2)
            return
        except httpx2.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def is_there(address: str) -> bool:
    return httpx2.get(address, timeout=10).status_code != 404


def main() -> None:
    wait_for(ISAMS)
    wait_for(UNITU)
    with IsamsTwin(ISAMS, SCHOOL) as isams:
        if not is_there(f"{ISAMS}/_twin/schools/{SCHOOL}"):
            school, secret = make_school(SCHOOL, STUDENTS, SEED), os.environ["ABBEY_ISAMS_SECRET"]
            isams.load(school, client_id="rollcall", client_secret=secret)
    for name, key in (("abbey", "ABBEY_UNITU_KEY"), ("northern-uni", "NORTHERN_UNITU_KEY")):
        with UnituTwin(UNITU, name) as unitu:
            if not is_there(f"{UNITU}/_twin/universities/{name}"):
                unitu.create(api_key=os.environ[key])


if __name__ == "__main__":
    main()
