"""Which series the rules and dashboards read, spelled once."""

from __future__ import annotations

JOB = "tamis"
"""What every target of ours has as its `job`: in a cluster by pod-monitors.yaml."""
PREDICTIONS = 'route=~"/classify|/v[12]/models/.+(/infer|:predict)"'
"""Routes that score texts: what a client waits for; not health, not metadata."""
CALLS = 'route=~"/classify|/feedback|/v[12]/models/.+(/infer|:predict)"'
"""Routes that clients depend upon."""
REFUSED_AT_THE_DOOR = "unauthenticated|forbidden|ambiguous_credentials"
"""Codes and outcomes of who may not come in; those of our own trouble are not among them."""


def both(long: str, short: str) -> str:
    """The smaller of two values: above a bound only when both are; nothing when either is missing.

    Args:
        long: PromQL of one series without labels.
        short: Another.

    Returns:
        PromQL.
    """
    return f"({long} < {short}) or ({short} <= {long})"


def share(part: str, whole: str) -> str:
    """A share of rates that is 0, not nothing, while no series of the part exists.

    Args:
        part: PromQL of one series without labels.
        whole: Another.

    Returns:
        PromQL; nothing while the whole is missing, NaN while it is 0.
    """
    return f"({part} or 0 * {whole}) / {whole}"


def or_none(rates: str, label: str) -> str:
    """Rates by a label whose values come into being with the first event.

    Args:
        rates: PromQL of series with that label alone.
        label: The label.

    Returns:
        PromQL of the same and a 0 named `none`: a line at 0 says more than an empty panel.
    """
    return f'{rates} or label_replace(vector(0), "{label}", "none", "", "")'
