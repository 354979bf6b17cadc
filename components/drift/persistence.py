"""From many tests to one alarm.

Each window alone is called significant by chance with probability alpha, and a service tests for
ever. So drift is said only when several windows in a row are significant, each with at least half
of its rows new, and taken back only when as many are not. At alpha = 0.01 and three windows that
leaves about one false alarm in a hundred thousand windows, were they independent; the reference
that they share makes it more when the reference itself is unlucky. A sequential test keeps its own
rate of false alarms and needs none of this: a detector whose `sequential` is true is taken at its
word, and tests with an alpha-spending or an e-value of their own can join in that way.
"""

from __future__ import annotations


class Persistence:
    """Whether significance has lasted, detector by detector.

    Args:
        consecutive: Windows in a row that it takes, to say so and to take it back.
    """

    def __init__(self, consecutive: int) -> None:
        self._needed = consecutive
        self._run: dict[str, int] = {}
        self._lasting: dict[str, bool] = {}

    def drifted(self, detector: str, significant: bool, fresh: bool) -> bool:
        """Take a window into account.

        Args:
            detector: Whose verdict.
            significant: Whether it found the window significant.
            fresh: Whether half of the window is new since the last one that counted.

        Returns:
            Whether the detector says drift, with this window.
        """
        lasting = self._lasting.get(detector, False)
        if fresh:
            against = significant != lasting
            self._run[detector] = self._run.get(detector, 0) + 1 if against else 0
            if self._run[detector] >= self._needed:
                lasting = self._lasting[detector] = significant
                self._run[detector] = 0
        return lasting
