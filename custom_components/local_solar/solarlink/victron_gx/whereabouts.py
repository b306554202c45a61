"""When it is time to look for a service elsewhere: the unit id of a device on a GX is not for ever."""

from collections.abc import Callable

from .registers import Service


class Whereabouts:
    """Keeps since when services are missed and when they were searched for. Times in seconds."""

    def __init__(self, clock: Callable[[], float], *, gone: float, unknown: float) -> None:
        """``gone``: how long a service is waited for; ``unknown``: between two searches for one never found."""
        self._clock, self._gone, self._unknown = clock, gone, unknown
        self._missed: dict[Service, float] = {}
        self._searched: dict[Service, float] = {}

    def missed(self, service: Service) -> None:
        """It did not answer where it is known to be."""
        self._missed.setdefault(service, self._clock())

    def seen(self, service: Service) -> None:
        """It answered."""
        self._missed.pop(service, None)

    def searched(self, service: Service) -> None:
        """It was searched for just now."""
        self._searched[service] = self._clock()

    def is_missed(self, service: Service) -> bool:
        """Whether it did not answer when it was asked last."""
        return service in self._missed

    def due(self, service: Service, *, known: bool) -> bool:
        """Whether to search now; ``known`` says whether it ever was found."""
        if known and service not in self._missed:
            return False
        begun = max(self._missed.get(service, 0.0) if known else 0.0, self._searched.get(service, 0.0))
        return self._clock() - begun >= (self._gone if known else self._unknown)
