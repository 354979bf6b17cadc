"""`python -m tests.pipelines.golden`: take what is compiled now for what is expected."""

from tests.pipelines.golden import GOLDEN, write

for shards, file in GOLDEN.items():
    write(shards, file)
