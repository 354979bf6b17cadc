import pytest

from components.contract.errors import InputError
from pipelines.cron import six_fields


@pytest.mark.parametrize(
    ("given", "six"),
    [
        ("0 3 * * 0", "0 0 3 * * 0"),
        ("0 3 * * 7", "0 0 3 * * 0"),
        ("*/15 * * * *", "0 */15 * * * *"),
        ("30 0 3 * * MON-FRI", "30 0 3 * * MON-FRI"),
        ("0 8-18/2 1,15 jan,jul ?", "0 0 8-18/2 1,15 jan,jul ?"),
        ("  0   3 * * sun ", "0 0 3 * * sun"),
    ],
)
def test_five_fields_get_a_second_and_six_are_kept(given: str, six: str) -> None:
    assert six_fields(given) == six


@pytest.mark.parametrize(
    "given",
    [
        "", "* * *", "* * * * * * *", "60 3 * * 0", "0 24 * * 0", "0 3 0 * *", "0 3 32 * *",
        "0 3 * 13 *", "0 3 * * 8", "0 3 * * FUN", "5-1 * * * *", "*/0 * * * *", "*/99 * * * *",
        "a * * * *", "1, * * * *", "@daily", "-1 * * * *", "0 3 * * 0; rm", "0 3 * FEB-JAN *",
        "٣ * * * *",
    ],
)  # fmt: skip
def test_what_the_server_would_refuse_or_misread_is_refused(given: str) -> None:
    with pytest.raises(InputError) as caught:
        six_fields(given)
    assert caught.value.code == "bad_cron"
    assert "\n" not in str(caught.value)
