"""An outlet for a pipeline that nobody listens to."""

from gateway.link import Delivery


class Nowhere:
    """What it was given counts as published at once."""

    def __init__(self) -> None:
        self.published: list[str] = []

    def ack(self, delivery: Delivery) -> None:
        """Do nothing."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 0) -> None:
        """Do nothing."""

    def publish_surely(self, topic: str, payload: bytes, name: str) -> None:
        """Remember the name."""
        self.published.append(name)

    def taken(self) -> list[str]:
        """Everything has been taken at once."""
        names, self.published = self.published, []
        return names
