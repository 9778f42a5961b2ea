"""Looks, while services run, whether the cluster serves and allows what they do; each change is logged once."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from shared.config.settings import Config
from shared.errors import Retryable, RollcallError
from shared.kafka.client_errors import ear_of
from shared.kafka.cluster import knock, missing_rights, words_of
from shared.kafka.rights import rights_of_all
from shared.service import sleep_unless

log = logging.getLogger("rollcall.kafka")

LOOK_SECONDS = 15.0
TROUBLE_SECONDS = 5.0  # between two looks while something is wrong, or was heard
OPEN_SECONDS = 2.5
AWAY = ""  # the fault that is of the cluster as a whole


class KafkaWatch:
    """
    A fault is logged when it begins, with what to allow or to set, and when it is over. What a client says that is
    neither of the road nor of rights is logged as it is.
    """

    def __init__(
        self,
        config: Config,
        services: Sequence[str],
        look: Callable[[], Mapping[str, str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._rights = rights_of_all(config, services)
        self._ear = ear_of(config)
        self._look = look or self._ask
        self._clock = clock
        self._faults: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._ear.news.clear()
            await self.look()
            until = self._clock() + LOOK_SECONDS
            soon = self._clock() + TROUBLE_SECONDS
            while self._clock() < until and not (self._clock() >= soon and (self._faults or self._ear.news.is_set())):
                if await sleep_unless(stop, 0.5):
                    return

    async def look(self) -> None:
        for text in self._ear.unusual():
            log.warning("Kafka client: %s", text)
        try:
            found = dict(await asyncio.to_thread(self._look))
        except Retryable as trouble:
            self._tell(self._faults | {AWAY: str(trouble)})  # of the rights nothing is known meanwhile
        except RollcallError as error:
            self._tell({AWAY: str(error)})
        else:
            self._tell(found)

    def _ask(self) -> dict[str, str]:
        kafka = self._config.kafka
        admin = knock(self._config, OPEN_SECONDS)
        return {one.words + one.service: words_of(kafka, one) for one in missing_rights(admin, kafka, self._rights)}

    def _tell(self, faults: dict[str, str]) -> None:
        before, self._faults = self._faults, faults
        for name, text in faults.items():
            if before.get(name) != text:
                log.warning("%s", text)
        for name, text in before.items():
            if name not in faults:
                log.warning("over: %s", text.partition(";")[0])
