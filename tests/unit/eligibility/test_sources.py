"""A topic that is made anew while its records are taken: pure, by the offsets that arrive and the id that is told."""

from services.eligibility.sources import LOOK_SECONDS, Sources
from shared.contract.codec import Record
from shared.contract.topics import OPERATOR_COMMANDS, STUDENTS_FETCHED

LANE = 3


class Cluster:
    """The ids that its topics have now, and the time."""

    def __init__(self) -> None:
        self.ids = {STUDENTS_FETCHED: "one", OPERATOR_COMMANDS: "orders"}
        self.asked = 0
        self.now = 0.0
        self.sources = Sources(self.id_of, lambda: self.now)

    def id_of(self, topic: str) -> str:
        self.asked += 1
        return self.ids[topic]

    def take(self, *offsets: int, topic: str = STUDENTS_FETCHED) -> list[str]:
        """Their causes, as they are published. What was made anew is then sought at its first record."""
        taken = self.sources.arrived([Record(topic, LANE, offset, "abbey", b"") for offset in offsets])
        causes = [f"{self.sources.name_of(one.topic)}:{one.offset}" for one in taken]
        self.sources.done(taken)
        for anew in self.sources.anew:
            self.sources.begun(anew, {LANE: 0})
        return causes


def causes(id: str, *offsets: int) -> list[str]:
    return [f"{STUDENTS_FETCHED}@{id}:{offset}" for offset in offsets]


def test_records_that_follow_each_other_cost_no_question() -> None:
    cluster = Cluster()
    assert cluster.take(0, 1) + cluster.take(2) == causes("one", 0, 1, 2)
    assert cluster.asked == 1


def test_offsets_that_go_back_are_asked_about_at_once() -> None:
    cluster = Cluster()
    cluster.take(0, 1, 2)
    cluster.ids[STUDENTS_FETCHED] = "another"
    assert cluster.take(0, 1) == causes("one", 0, 1), "whose they are is not known: at worst they are passed over"
    assert cluster.take(0, 1, 2) == causes("another", 0, 1, 2), "nothing of the new topic is lost"


def test_a_new_topic_that_has_outgrown_the_old_is_noticed_within_seconds() -> None:
    cluster = Cluster()
    cluster.take(0, 1, 2)
    cluster.ids[STUDENTS_FETCHED] = "another"
    assert cluster.take(3) == causes("one", 3)
    cluster.now += LOOK_SECONDS
    assert cluster.take(4) == causes("one", 4)
    assert cluster.take(0, 1, 2, 3, 4) == causes("another", 0, 1, 2, 3, 4)


def test_what_the_client_still_holds_of_before_is_not_taken_for_the_new_topic() -> None:
    """Under its name it would hide as many of the new topic's records, for good."""
    cluster = Cluster()
    cluster.take(0, 1, 2)
    cluster.ids[STUDENTS_FETCHED] = "another"
    cluster.take(0)
    assert cluster.take(7, 8) == []
    assert cluster.sources.anew == [], "it is sought again, and nothing waits"
    assert cluster.take(0, 1) == causes("another", 0, 1)


def test_the_same_batch_again_is_no_new_topic() -> None:
    """A batch that could not be published comes again."""
    cluster = Cluster()
    cluster.take(0, 1)
    assert cluster.take(0, 1) == causes("one", 0, 1)
    assert cluster.sources.anew == []


def test_another_topic_goes_on() -> None:
    cluster = Cluster()
    cluster.take(0, 1)
    cluster.take(5, topic=OPERATOR_COMMANDS)
    cluster.ids[STUDENTS_FETCHED] = "another"
    cluster.take(0)
    assert cluster.take(6, topic=OPERATOR_COMMANDS) == [f"{OPERATOR_COMMANDS}@orders:6"]


def test_a_lane_that_comes_back_from_another_process_begins_anywhere() -> None:
    cluster = Cluster()
    cluster.take(0, 1, 2)
    cluster.sources.left([(STUDENTS_FETCHED, LANE)])
    assert cluster.take(1) == causes("one", 1)
    assert cluster.asked == 1
