"""The tokenize stage in several parts: the tokenizer, parts that encode shards, one that joins."""
